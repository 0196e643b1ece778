/* init.c - the floor: the first process of a machine that does nothing but say that it is there. */
#include <unistd.h>

int main(void)
{
    (void)!write(1, "up\n", 3);
    for (;;)
        pause();
}
