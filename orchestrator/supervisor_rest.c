/* supervisor_rest.c - an idle supervisor gives back what only work needs.
 *
 * A supervisor works for moments and then waits for hours. After the last client has gone, with
 * nothing under way, the heap's free pages go back to the kernel (malloc_trim), and so do the pages
 * of program text and constants that the work has brought in: they are clean copies of the page
 * cache, which has them still, so what is touched again costs a minor fault of about 1 us, not a
 * read. What remains is data that can't be had again: the model, the instances.
 *
 * Rejected: a timer that waits for quiet. It would wake up for this alone, and to be asked again
 * soon costs a few dozen faults.
 */
#include "orchestrator/supervisor_priv.h"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that can't be written hold nothing but the file. (Relocated constants lie in writable
 * ones, which are left alone.) Failure leaves them where they are. */
static int drop_segments(struct dl_phdr_info *object, size_t size, void *data)
{
    (void)size;
    const uintptr_t page = *(const uintptr_t *)data;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0)
            continue;
        uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

/* A debugger's breakpoints are written into its own copy of the text, and would go with it. */
static bool is_traced(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return strstr(text, "\nTracerPid:") != NULL && strstr(text, "\nTracerPid:\t0\n") == NULL;
}

void wc_sup_rest(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    malloc_trim(0);
    if (!is_traced())
        dl_iterate_phdr(drop_segments, &page);
}
