/* wc_test.h - what a unit test includes: cmocka, and a main that runs one case by name.
 *
 * Idea:    CTest starts one process per case, so isolation, timeouts and leak attribution are
 * CTest's. The same program takes a case name by hand: build/dev/test_spec_node places. A name that
 * matches nothing is an error, --list prints them. Use:     static void places(void **state) {
 * (void)state; assert_int_equal(…); } WC_MAIN(WC_CASE(places), WC_CASE(depth_limit))
 */
#ifndef TESTS_HARNESS_WC_TEST_H
#define TESTS_HARNESS_WC_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WC_CASE(name) cmocka_unit_test(name)

static inline int wc_test_main(int argc, char **argv, const struct CMUnitTest *cases, size_t n)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < n; i++)
            puts(cases[i].name);
        return 0;
    }
    for (int a = 1; a < argc; a++) {
        size_t i = 0;
        while (i < n && strcmp(cases[i].name, argv[a]) != 0)
            i++;
        if (i == n) {
            fprintf(stderr, "%s: no case '%s'; --list shows them\n", argv[0], argv[a]);
            return 2;
        }
        if (_cmocka_run_group_tests(cases[i].name, &cases[i], 1, NULL, NULL) != 0)
            return 1;
    }
    return argc > 1 ? 0 : _cmocka_run_group_tests(argv[0], cases, n, NULL, NULL);
}

#define WC_MAIN(...)                                                                               \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        const struct CMUnitTest cases[] = { __VA_ARGS__ };                                         \
        return wc_test_main(argc, argv, cases, sizeof cases / sizeof cases[0]);                    \
    }

/* Ends the case as skipped (CTest sees status 77) and says what the machine lacks. */
#define WC_SKIP(what)                                                                              \
    do {                                                                                           \
        printf("SKIP: %s\n", (what));                                                              \
        fflush(stdout);                                                                            \
        _Exit(77);                                                                                 \
    } while (0)

#endif
