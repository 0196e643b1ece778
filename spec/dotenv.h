/* dotenv.h - the grammar of .env, --env-file, env_file and label_file (spec, private).
 *
 * Source:  Compose Specification, "env_file format"; corners as docker compose 2.40 has them.
 */
#ifndef SPEC_DOTENV_H
#define SPEC_DOTENV_H

#include <stdbool.h>
#include <stddef.h>

struct wc_load;
struct wc_map;

/* One file's text and who sees what.
 *   outer  variables that win over the file's own when its values are interpolated; also what a
 *          bare KEY copies. May be NULL
 *   out    name -> value; later lines replace earlier ones. Values live in the load's arena
 *   raw    `format: raw`: KEY=VALUE verbatim
 */
struct wc_dotenv {
    const char *file, *text;
    size_t len;
    const char *(*outer)(void *data, const char *name);
    void *data;
    struct wc_map *out;
    bool raw;
};

/* Reads it all; wrong lines are reported (E112, E106, E107) and left out. Returns true when there
 * were none. */
bool wc_dotenv_parse(struct wc_load *load, const struct wc_dotenv *in);

#endif
