/* cli.h - what every command is given, and the table that all commands are rows of (cli, layer 5).
 *
 * Idea:    one static table (verbs.c) of verbs and options drives the parser, --help, the
 *          suggestions and the shell completions. A verb is one function in one file,
 *          cmd_<verb>.c, that gets a struct wc_cli and returns a process exit status.
 * Streams: stdout is data (ps, config, plan, logs, --json), stderr is talk (diagnostics, progress).
 * Owner:   everything reached from struct wc_cli lives until main returns.
 * Threads: one.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "wcompose/diag.h"
#include "wcompose/err.h"
#include "wcompose/model.h"

struct wc_cli;
struct wc_paths;
struct wc_isolation_choice;
struct wc_plan;

/* Exit statuses (docs/exit-codes.md). wc_err_exit_status() gives the one for an enum wc_code. */
enum wc_exit {
    WC_EXIT_OK = 0,
    WC_EXIT_FAILED = 1,        /* a reason not listed below */
    WC_EXIT_CHANGES = 2,       /* plan --detailed-exitcode: changes pending */
    WC_EXIT_STATE = 3,         /* the app did not reach the wanted state */
    WC_EXIT_ISOLATION = 4,     /* an isolation demand can't be kept */
    WC_EXIT_DRIFT = 5,         /* drift found */
    WC_EXIT_USAGE = 64,        /* wrong command line */
    WC_EXIT_SPEC = 65,         /* the specification is invalid */
    WC_EXIT_NOENT = 66,        /* a file, image, service or instance is missing */
    WC_EXIT_DRIVER = 69,       /* a driver, runtime or registry can't be reached */
    WC_EXIT_BUG = 70,          /* an internal promise was broken */
    WC_EXIT_BUSY = 75,         /* reconcile --once: another pass has the app */
    WC_EXIT_PERM = 77,         /* not permitted */
    WC_EXIT_EXEC_OURS = 125,   /* exec: failed before the command was run */
    WC_EXIT_EXEC_DENIED = 126, /* exec: found, can't be executed */
    WC_EXIT_EXEC_NOENT = 127,  /* exec: no such command */
    WC_EXIT_INTERRUPTED = 130, /* Ctrl-C */
    WC_EXIT_TERMINATED = 143,  /* SIGTERM */
};

/* Kinds of option values; the parser checks them, so that the getters below can't fail. */
enum wc_option_kind {
    WC_OPTION_FLAG,    /* --x, --x=true, --x=false */
    WC_OPTION_TEXT,    /* any text; the last one counts */
    WC_OPTION_LIST,    /* any text, may be repeated */
    WC_OPTION_INT,     /* a decimal number >= 0 */
    WC_OPTION_SECONDS, /* "10", or a duration: "1m30s" */
    WC_OPTION_CHOICE,  /* one of the words in `value`: "table|json" */
    WC_OPTION_SIGNAL,  /* "SIGHUP", "hup", "1" */
};

/* One option of the table. */
struct wc_option {
    const char *name; /* long name without dashes */
    char letter;      /* short form, or 0 */
    enum wc_option_kind kind;
    const char *value; /* what the help calls the value; CHOICE: the words, joined by '|' */
    const char *help;  /* one line, lower case, no full stop */
};

typedef int wc_verb_fn(struct wc_cli *cli);

/* What the words after the options are, for completion. */
enum wc_words { WC_WORDS_NONE, WC_WORDS_SERVICES, WC_WORDS_FILES, WC_WORDS_OTHER };

/* One verb of the table. */
struct wc_command {
    const char *name;  /* "up", "image ls", "vm kernel ls" */
    const char *group; /* heading in --help; NULL: hidden */
    const char *usage; /* "[SERVICE...]" */
    const char *help;  /* one line */
    const struct wc_option *options;
    size_t n_options;
    enum wc_words words;
    unsigned min_words, max_words; /* how many words; max UINT_MAX = any number */
    bool stop_at_word2; /* options end after the first word: exec SERVICE COMMAND -x belongs to
                           COMMAND */
    wc_verb_fn *run;
};

extern const struct wc_command wc_commands[];
extern const size_t wc_n_commands;
extern const struct wc_option wc_global_options[];
extern const size_t wc_n_global_options;

/* How a stream may be written to; decided once, from the terminal, --ansi and the environment. */
struct wc_style {
    bool tty;     /* it is a terminal */
    bool colour;  /* colours are wanted (a pipe too, with CLICOLOR_FORCE or --ansi always) */
    bool cursor;  /* lines may be redrawn */
    bool unicode; /* glyphs beyond ASCII may be used */
    unsigned width, height; /* of the terminal; 80 x 24 when unknown */
};

enum wc_progress {
    WC_PROGRESS_TTY,
    WC_PROGRESS_PLAIN,
    WC_PROGRESS_JSON,
    WC_PROGRESS_QUIET,
};

/* One option as it was given. */
struct wc_cli_value {
    const struct wc_option *option;
    const char *text; /* FLAG: "true" or "false" */
};

/* A command under way. */
struct wc_cli {
    struct wc_arena *arena; /* for everything that may live until the end of the command */
    const struct wc_command *verb;
    const char *const *words; /* n_words positional words, NULL-terminated (execv-ready) */
    size_t n_words;
    struct wc_cli_value *values; /* n_values options, in order given */
    size_t n_values;
    const char *const *environ; /* the process environment, NULL-terminated */
    const char *cwd;            /* absolute */
    struct wc_style out, err;   /* stdout, stderr */
    enum wc_progress progress;  /* never "auto": decided */
    bool json;                  /* --json, or --format json */
    struct wc_source *sources;  /* text of the files loaded last, for places in later findings */
    struct wc_policy policy;    /* the host's, once a project was loaded to be run */
};

/* Getters by long name; a name that neither the verb nor the global table has is a bug (aborts).
 *   flag     true when given and not =false
 *   text     last value or NULL
 *   list     values in order in the arena, NULL-terminated; *n may be NULL
 *   int      number or `fallback`
 *   ms       SECONDS in milliseconds, or `fallback` (WC_UNSET fits wc_request.timeout_ms)
 *   signal   number or `fallback`
 */
bool wc_cli_flag(const struct wc_cli *cli, const char *name);
const char *wc_cli_text(const struct wc_cli *cli, const char *name);
const char *const *wc_cli_list(const struct wc_cli *cli, const char *name, size_t *n);
int64_t wc_cli_int(const struct wc_cli *cli, const char *name, int64_t fallback);
int64_t wc_cli_ms(const struct wc_cli *cli, const char *name, int64_t fallback);
int wc_cli_signal(const struct wc_cli *cli, const char *name, int fallback);

/* Value of an environment variable, NULL when it is unset or empty. */
const char *wc_cli_env(const struct wc_cli *cli, const char *name);

/* ---- saying things (stderr) ---- */

/* Prints "error: …" (with the place, when there is one) and returns the exit status of err->code.
 */
int wc_cli_fail(const struct wc_cli *cli, const struct wc_err *err);

/* Prints "error: …" and a line that shows how to get help; returns WC_EXIT_USAGE. For what the
 * table can't check: pairs of options that exclude each other. */
int wc_cli_usage(const struct wc_cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints "warning: …" or a plain line; nothing with --progress quiet; JSON lines with json. */
void wc_cli_warn(const struct wc_cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void wc_cli_note(const struct wc_cli *cli, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints all findings the way the command wants them (text, JSON); warnings too unless quiet. */
void wc_cli_diags(const struct wc_cli *cli, const struct wc_diags *diags);

struct wc_buf;

/* Writes text to a file that the user named. 0 or an exit status, printed. */
int wc_cli_write_file(const struct wc_cli *cli, const char *path, const struct wc_buf *text);

/* ---- finding things ---- */

/* Which part of a project is wanted. Zero it for all of it. */
struct wc_cli_load {
    const char *const *services; /* n_services names; 0 = all active ones */
    size_t n_services;
    bool no_deps;        /* without what the services depend on */
    bool no_interpolate; /* config --no-interpolate */
    bool no_path_resolution, no_env_resolution, no_normalize, no_consistency; /* the same */
    bool no_warnings;  /* warnings were shown already, or don't matter (down, ps) */
    bool only_shown;   /* nothing is going to run: what isn't carried out yet is a warning */
    bool is_elsewhere; /* nothing is going to run here: this host's policy isn't read */
};

/* Loads the project that the global options name (-f, -p, --profile, --env-file,
 * --project-directory and COMPOSE_*) into `arena`; diagnostics are printed. --scale is applied
 * where the verb has it. Returns 0 and sets *out, or an exit status (64, 65, 66).
 */
int wc_cli_load(struct wc_cli *cli, const struct wc_cli_load *what, struct wc_arena *arena,
                const struct wc_project **out);

/* The same with the findings in *diags (sorted, sources included), nothing printed but wrong
 * options. Returns 0, an exit status, or -WC_EXIT_… when the command line was wrong (printed). */
int wc_cli_load_quietly(struct wc_cli *cli, const struct wc_cli_load *what, struct wc_arena *arena,
                        struct wc_diags *diags, struct wc_project **out);

/* Reads the host's policy into cli->policy; *diags as for a load. 0 or an exit status: what it
 * would demand is not known, so nothing is to be decided. The reasons are in *diags, or printed. */
int wc_cli_read_policy(struct wc_cli *cli, struct wc_arena *arena, struct wc_diags *diags);

/* wc_plan_prove on this host, with its policy. 0 or an exit status, printed. */
int wc_cli_prove(struct wc_cli *cli, const struct wc_project *project,
                 const struct wc_service *service, struct wc_isolation_choice *out);

/* Orders the project and decides isolation on this host (wc_plan_make); findings are printed.
 * Returns 0 or an exit status (4, 65). */
int wc_cli_plan(struct wc_cli *cli, const struct wc_project *project, struct wc_arena *arena,
                struct wc_plan *out);

/* For verbs that work on what runs (ps, logs, stop, down …): the project's name, from -p or
 * COMPOSE_PROJECT_NAME alone when given, else from the file. *project is the model when a file was
 * read, else NULL (see wc_client_accepted). Returns 0 or an exit status, everything printed.
 */
int wc_cli_project(struct wc_cli *cli, struct wc_arena *arena, const char **name,
                   const struct wc_project **project);

/* Checks that all words are services of `project` (suggesting a name when not). 0 or an exit
 * status (66). */
int wc_cli_check_services(const struct wc_cli *cli, const struct wc_project *project,
                          const char *const *names, size_t n);

/* Fills *out with the directories of this installation, or prints why not. 0 or an exit status. */
int wc_cli_paths(struct wc_cli *cli, struct wc_paths *out);

/* ---- running (args.c) ---- */

/* Parses argv into *cli (arena, environ and cwd are set). Returns -1 to go on with cli->verb, else
 * an exit status: help, version or a usage error were printed. */
int wc_cli_parse(struct wc_cli *cli, int argc, const char *const *argv);

/* The whole program: parse, run, flush. Returns the exit status. */
int wc_cli_main(int argc, char **argv);

/* The verbs, one file each, or one for a family. */
wc_verb_fn wc_cmd_up, wc_cmd_build, wc_cmd_down, wc_cmd_start, wc_cmd_stop, wc_cmd_restart,
    wc_cmd_kill, wc_cmd_suspend, wc_cmd_resume, wc_cmd_pause, wc_cmd_unpause, wc_cmd_ps,
    wc_cmd_logs, wc_cmd_exec, wc_cmd_events, wc_cmd_supervise, wc_cmd_plan, wc_cmd_config,
    wc_cmd_lint, wc_cmd_explain, wc_cmd_support, wc_cmd_schema, wc_cmd_image_load, wc_cmd_image_ls,
    wc_cmd_image_rm, wc_cmd_image_make, wc_cmd_image_pull, wc_cmd_pull, wc_cmd_version,
    wc_cmd_completion, wc_cmd_history, wc_cmd_diff, wc_cmd_rollback, wc_cmd_rollouts, wc_cmd_why,
    wc_cmd_status, wc_cmd_top, wc_cmd_stats, wc_cmd_metrics, wc_cmd_port, wc_cmd_generate_systemd,
    wc_cmd_vm_kernel_install, wc_cmd_vm_kernel_build, wc_cmd_vm_kernel_ls, wc_cmd_vm_kernel_use,
    wc_cmd_vm_kernel_rm, wc_cmd_doctor, wc_cmd_reconcile;

#endif
