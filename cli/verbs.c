/* verbs.c - the table of verbs and options.
 *
 * Idea:    the command line is data. The parser, --help, the suggestions, the completions and
 *          docs/cli.md are functions of these rows; a new verb is a row and a cmd_<verb>.c.
 *          Names, letters and meanings are docker compose's wherever it has them.
 */
#include "cli/cli.h"

#include <limits.h>

#include "base/str.h"

#define FLAG(name, letter, help)                                                                   \
    {                                                                                              \
        name, letter, WC_OPTION_FLAG, NULL, help                                                   \
    }

const struct wc_option wc_global_options[] = {
    { "file", 'f', WC_OPTION_LIST, "FILE", "Compose file; may be repeated, - is standard input" },
    { "project-name", 'p', WC_OPTION_TEXT, "NAME", "project name" },
    { "profile", 0, WC_OPTION_LIST, "NAME", "profile to switch on; may be repeated" },
    { "env-file", 0, WC_OPTION_LIST, "FILE", "file of variables instead of .env" },
    { "project-directory", 0, WC_OPTION_TEXT, "DIR", "directory that relative paths start from" },
    { "progress", 0, WC_OPTION_CHOICE, "auto|tty|plain|json|quiet", "how progress is shown" },
    { "ansi", 0, WC_OPTION_CHOICE, "auto|never|always", "colours and cursor control" },
    FLAG("restricted", 0, "files from elsewhere: read nothing outside the project directory"),
    { "allow-env", 0, WC_OPTION_LIST, "NAME,...", "variables that --restricted lets in" },
    { "limit", 0, WC_OPTION_LIST, "NAME=N", "bound on input (docs/limits.md); may be repeated" },
    { "max-errors", 0, WC_OPTION_INT, "N", "findings that are shown at once: 20; 0 shows all" },
    FLAG("json", 0, "machine form: data on stdout and progress on stderr as JSON"),
    FLAG("version", 'v', "print the version"),
    FLAG("help", 'h', "explain the command"),
};
const size_t wc_n_global_options = WC_COUNT(wc_global_options);

static const struct wc_option up_options[] = {
    FLAG("detach", 'd', "leave the app running in the background"),
    FLAG("wait", 0, "wait until everything is healthy or done; implies --detach"),
    { "wait-timeout", 0, WC_OPTION_SECONDS, "SECONDS", "longest wait of --wait" },
    FLAG("force-recreate", 0, "replace instances that did not change as well"),
    FLAG("no-recreate", 0, "keep instances that changed"),
    FLAG("remove-orphans", 0, "remove instances of services that the file no longer has"),
    FLAG("no-deps", 0, "leave services alone that the named ones depend on"),
    FLAG("no-start", 0, "create without starting"),
    { "scale", 0, WC_OPTION_LIST, "SERVICE=N", "number of instances; may be repeated" },
    { "timeout", 't', WC_OPTION_SECONDS, "SECONDS", "grace before a stopped instance is killed" },
    FLAG("no-log-prefix", 0, "print log lines without the service's name"),
    FLAG("no-color", 0, "print log lines without colour"),
    FLAG("timestamps", 0, "print the time of each log line"),
    FLAG("abort-on-container-exit", 0, "stop everything when one instance exits"),
    FLAG("abort-on-container-failure", 0, "stop everything when one instance fails"),
    { "exit-code-from", 0, WC_OPTION_TEXT, "SERVICE",
      "exit with this service's code; implies --abort-on-container-exit, unless with -failure" },
};

static const struct wc_option down_options[] = {
    FLAG("volumes", 'v', "remove the project's named volumes too: their data is lost"),
    { "timeout", 't', WC_OPTION_SECONDS, "SECONDS", "grace before a stopped instance is killed" },
    FLAG("remove-orphans", 0, "remove instances of services that the file no longer has"),
};

static const struct wc_option stop_options[] = {
    { "timeout", 't', WC_OPTION_SECONDS, "SECONDS", "grace before an instance is killed" },
};

static const struct wc_option restart_options[] = {
    { "timeout", 't', WC_OPTION_SECONDS, "SECONDS", "grace before an instance is killed" },
    FLAG("no-deps", 0, "leave services alone that depend on the named ones"),
};

static const struct wc_option kill_options[] = {
    { "signal", 's', WC_OPTION_SIGNAL, "SIGNAL", "signal to send instead of SIGKILL" },
};

static const struct wc_option ps_options[] = {
    FLAG("all", 'a', "instances that do not run, too"),
    FLAG("quiet", 'q', "print instance names only"),
    FLAG("services", 0, "print service names only"),
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
    { "status", 0, WC_OPTION_LIST, "STATE", "only instances in this state; may be repeated" },
    FLAG("no-trunc", 0, "do not shorten long cells"),
};

static const struct wc_option history_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option top_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option stats_options[] = {
    FLAG("no-stream", 0, "print once and end"),
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option events_options[] = {
    { "since", 0, WC_OPTION_TEXT, "TIME",
      "first what is remembered from this time on, or since so long ago (\"10m\")" },
    { "until", 0, WC_OPTION_TEXT, "TIME", "up to this time, or so long ago; then end" },
};

static const struct wc_option why_options[] = {
    { "index", 0, WC_OPTION_INT, "N", "which instance of the service: the one that is worst off" },
    { "format", 0, WC_OPTION_CHOICE, "text|json", "how to print" },
};

static const struct wc_option status_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "text|json", "how to print" },
};

static const struct wc_option diff_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "text|json", "how to print" },
    FLAG("detailed-exitcode", 0, "exit 0 when nothing differs, 2 when something does"),
};

static const struct wc_option rollback_options[] = {
    FLAG("wait", 0, "wait until everything is healthy or done"),
    { "wait-timeout", 0, WC_OPTION_SECONDS, "SECONDS", "longest wait of --wait" },
    FLAG("remove-orphans", 0, "remove instances of services that the generation doesn't have"),
    { "timeout", 't', WC_OPTION_SECONDS, "SECONDS", "grace before a stopped instance is killed" },
};

static const struct wc_option logs_options[] = {
    FLAG("follow", 'f', "go on with what is written from now on"),
    { "tail", 'n', WC_OPTION_TEXT, "LINES", "last lines of each instance only, or \"all\"" },
    { "since", 0, WC_OPTION_TEXT, "TIME", "from this time (RFC 3339) or so long ago (\"10m\")" },
    { "until", 0, WC_OPTION_TEXT, "TIME", "up to this time, or so long ago" },
    FLAG("timestamps", 't', "print the time of each line"),
    FLAG("no-color", 0, "print without colour"),
    FLAG("no-log-prefix", 0, "print without the service's name"),
    { "index", 0, WC_OPTION_INT, "N", "only this instance of a service" },
};

static const struct wc_option exec_options[] = {
    FLAG("detach", 'd', "do not wait for the command"),
    { "env", 'e', WC_OPTION_LIST, "KEY=VALUE", "set a variable; may be repeated" },
    { "user", 'u', WC_OPTION_TEXT, "USER", "run as this user" },
    { "workdir", 'w', WC_OPTION_TEXT, "DIR", "run in this directory" },
    FLAG("no-tty", 'T', "without a terminal, as in scripts"),
    { "index", 0, WC_OPTION_INT, "N", "which instance of the service" },
    FLAG("privileged", 0, "with all capabilities"),
    FLAG("interactive", 'i', "keep standard input open (the default)"),
    FLAG("tty", 't', "with a terminal (the default on one)"),
};

static const struct wc_option plan_options[] = {
    { "host", 0, WC_OPTION_LIST, "FACTS,...",
      "the isolation on hosts elsewhere: by name (ws2022, linux-kvm) or a JSON file" },
    FLAG("detailed-exitcode", 0, "exit 0 when nothing changes, 2 when something does"),
    FLAG("force-recreate", 0, "as if up were given it"),
    FLAG("no-recreate", 0, "as if up were given it"),
    FLAG("remove-orphans", 0, "as if up were given it"),
    FLAG("no-deps", 0, "as if up were given it"),
    { "scale", 0, WC_OPTION_LIST, "SERVICE=N", "as if up were given it" },
};

static const struct wc_option config_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "yaml|json", "how to print" },
    FLAG("quiet", 'q', "only check"),
    FLAG("services", 0, "print the services' names"),
    FLAG("volumes", 0, "print the volumes' names"),
    FLAG("networks", 0, "print the networks' names"),
    FLAG("models", 0, "print the names of the models' images"),
    FLAG("images", 0, "print the images' names"),
    FLAG("profiles", 0, "print the profiles' names"),
    { "hash", 0, WC_OPTION_TEXT, "SERVICES", "print the hash of services a,b or of all: \"*\"" },
    FLAG("variables", 0, "print the variables that the file names, and their defaults"),
    FLAG("environment", 0, "print the variables that the file is read with"),
    FLAG("no-interpolate", 0, "leave variables as they are written"),
    FLAG("no-normalize", 0, "add no names, default network and implied dependencies"),
    FLAG("no-path-resolution", 0, "leave relative paths as they are written"),
    FLAG("no-consistency", 0, "don't check that what is named is defined"),
    FLAG("no-env-resolution", 0, "don't read env files"),
    FLAG("resolve-image-digests", 0, "pin the images to the digests that this host has"),
    FLAG("lock-image-digests", 0, "print an override file that pins the images"),
    { "output", 'o', WC_OPTION_TEXT, "FILE", "write to a file instead of stdout" },
};

static const struct wc_option port_options[] = {
    { "index", 0, WC_OPTION_INT, "N", "of this replica instead of the first" },
    { "protocol", 0, WC_OPTION_CHOICE, "tcp|udp|sctp", "of this protocol instead of tcp" },
};

static const struct wc_option support_options[] = {
    { "platform", 0, WC_OPTION_CHOICE, "linux|windows", "only the level of these containers" },
};

static const struct wc_option lint_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "text|json|github|sarif", "how findings are printed" },
    FLAG("strict", 0, "fail on warnings too"),
    { "output", 'o', WC_OPTION_TEXT, "FILE", "write to a file instead of stdout" },
};

static const struct wc_option image_load_options[] = {
    { "name", 'n', WC_OPTION_TEXT, "NAME",
      "name for the image instead of what the archive calls it" },
};

static const struct wc_option image_ls_options[] = {
    FLAG("quiet", 'q', "print image ids only"),
    FLAG("digests", 0, "print manifest digests instead of ids"),
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option image_rm_options[] = {
    FLAG("force", 'f', "take the name away even when containers use the image"),
};

static const struct wc_option image_make_options[] = {
    { "name", 'n', WC_OPTION_TEXT, "NAME", "name for the image instead of the recipe's" },
    FLAG("force", 'f', "make it again even when nothing changed"),
};

static const struct wc_option version_options[] = {
    FLAG("short", 0, "print the number only"),
    { "format", 'f', WC_OPTION_CHOICE, "pretty|json", "how to print" },
};

static const struct wc_option supervise_options[] = {
    { "project", 0, WC_OPTION_TEXT, "NAME", "project to look after" },
    { "ready-fd", 0, WC_OPTION_INT, "FD", "descriptor to say \"ready\" on" },
    { "metrics", 0, WC_OPTION_TEXT, "ADDRESS:PORT",
      "serve metrics there, on the loopback only; else as WCOMPOSE_METRICS says" },
    FLAG("stay", 0, "stay when there is nothing to do: for a service manager"),
    FLAG("replace", 0, "take over from the one that runs, once it has done what it was asked"),
};

#define OPTIONS(list) .options = (list), .n_options = WC_COUNT(list)
#define SERVICES .words = WC_WORDS_SERVICES, .usage = "[SERVICE...]", .max_words = UINT_MAX

static const char run_group[] = "Run";
static const char look_group[] = "Look";
static const char check_group[] = "Check first";
static const char image_group[] = "Images";
static const char other_group[] = "Other";

const struct wc_command wc_commands[] = {
    { .name = "up",
      .group = run_group,
      .help = "make the app run as the file says",
      OPTIONS(up_options),
      SERVICES,
      .run = wc_cmd_up },
    { .name = "down",
      .group = run_group,
      .help = "stop and remove everything of the project",
      OPTIONS(down_options),
      SERVICES,
      .run = wc_cmd_down },
    { .name = "start",
      .group = run_group,
      .help = "start what was stopped",
      SERVICES,
      .run = wc_cmd_start },
    { .name = "stop",
      .group = run_group,
      .help = "stop without removing",
      OPTIONS(stop_options),
      SERVICES,
      .run = wc_cmd_stop },
    { .name = "restart",
      .group = run_group,
      .help = "stop and start",
      OPTIONS(restart_options),
      SERVICES,
      .run = wc_cmd_restart },
    { .name = "kill",
      .group = run_group,
      .help = "send a signal",
      OPTIONS(kill_options),
      SERVICES,
      .run = wc_cmd_kill },
    { .name = "suspend",
      .group = run_group,
      .help = "leave services as they are: nothing is started, stopped or repaired until 'resume'",
      SERVICES,
      .run = wc_cmd_suspend },
    { .name = "resume",
      .group = run_group,
      .help = "look after suspended services again",
      SERVICES,
      .run = wc_cmd_resume },
    { .name = "rollback",
      .group = run_group,
      .usage = "[@GENERATION]",
      .help = "go back to the last stable generation before this one, or to any that is kept",
      OPTIONS(rollback_options),
      .words = WC_WORDS_OTHER,
      .max_words = 1,
      .run = wc_cmd_rollback },
    { .name = "exec",
      .group = run_group,
      .usage = "SERVICE COMMAND [ARG...]",
      .help = "run a command in a running service",
      OPTIONS(exec_options),
      .words = WC_WORDS_SERVICES,
      .min_words = 2,
      .max_words = UINT_MAX,
      .stop_at_word2 = true,
      .run = wc_cmd_exec },
    { .name = "ps",
      .group = look_group,
      .help = "list the project's instances",
      OPTIONS(ps_options),
      SERVICES,
      .run = wc_cmd_ps },
    { .name = "status",
      .group = look_group,
      .usage = "",
      .help = "say whether the app is as the file wants it, and what is missing",
      OPTIONS(status_options),
      .run = wc_cmd_status },
    { .name = "why",
      .group = look_group,
      .usage = "SERVICE",
      .help = "explain where a service stands: one chain of causes, with times and places",
      OPTIONS(why_options),
      .words = WC_WORDS_SERVICES,
      .min_words = 1,
      .max_words = 1,
      .run = wc_cmd_why },
    { .name = "top",
      .group = look_group,
      .help = "list the processes of the services",
      OPTIONS(top_options),
      SERVICES,
      .run = wc_cmd_top },
    { .name = "stats",
      .group = look_group,
      .help = "show what the services use: processor, memory, network, disks",
      OPTIONS(stats_options),
      SERVICES,
      .run = wc_cmd_stats },
    { .name = "port",
      .group = look_group,
      .usage = "[OPTIONS] SERVICE PORT",
      .help = "print the address and port of the host that lead to a port of a service",
      OPTIONS(port_options),
      .words = WC_WORDS_SERVICES,
      .min_words = 2,
      .max_words = 2,
      .run = wc_cmd_port },
    { .name = "metrics",
      .group = look_group,
      .usage = "",
      .help = "print what the supervisor counts and measures, as Prometheus reads it",
      .run = wc_cmd_metrics },
    { .name = "logs",
      .group = look_group,
      .help = "print what the services wrote",
      OPTIONS(logs_options),
      SERVICES,
      .run = wc_cmd_logs },
    { .name = "events",
      .group = look_group,
      .help = "print what happens as it happens, and what has happened",
      OPTIONS(events_options),
      SERVICES,
      .run = wc_cmd_events },
    { .name = "history",
      .group = look_group,
      .usage = "",
      .help = "list the generations of the project and what became of them",
      OPTIONS(history_options),
      .run = wc_cmd_history },
    { .name = "rollouts",
      .group = look_group,
      .usage = "",
      .help = "list how far the last change of each service has come, and why it stopped",
      OPTIONS(history_options),
      .run = wc_cmd_rollouts },
    { .name = "diff",
      .group = look_group,
      .usage = "[@OLD [@NEW]]",
      .help = "show what differs, field by field: a generation (the one in force) from another "
              "(the file)",
      OPTIONS(diff_options),
      .words = WC_WORDS_OTHER,
      .max_words = 2,
      .run = wc_cmd_diff },
    { .name = "plan",
      .group = check_group,
      .help = "show what up would do, in which order and why; changes nothing",
      OPTIONS(plan_options),
      SERVICES,
      .run = wc_cmd_plan },
    { .name = "config",
      .group = check_group,
      .help = "check the files and print the project in canonical form",
      OPTIONS(config_options),
      SERVICES,
      .run = wc_cmd_config },
    { .name = "lint",
      .group = check_group,
      .help = "check the files and print every error and warning, for people or programs",
      OPTIONS(lint_options),
      SERVICES,
      .run = wc_cmd_lint },
    { .name = "explain",
      .group = check_group,
      .usage = "[CODE...]",
      .help = "explain a code of an error or warning; without one, list them",
      .words = WC_WORDS_OTHER,
      .max_words = UINT_MAX,
      .run = wc_cmd_explain },
    { .name = "convert",
      .help = "the older name of config",
      OPTIONS(config_options),
      SERVICES,
      .run = wc_cmd_config },
    { .name = "support",
      .group = check_group,
      .usage = "[ATTRIBUTE]",
      .help = "show what of the Compose Specification is carried out",
      OPTIONS(support_options),
      .words = WC_WORDS_OTHER,
      .max_words = 1,
      .run = wc_cmd_support },
    { .name = "schema",
      .group = check_group,
      .usage = "",
      .help = "print a JSON Schema of Compose files, for editors",
      .run = wc_cmd_schema },
    { .name = "image load",
      .group = image_group,
      .usage = "SOURCE...",
      .help = "load oci:DIR, oci-archive:FILE or docker-archive:FILE",
      OPTIONS(image_load_options),
      .words = WC_WORDS_FILES,
      .min_words = 1,
      .max_words = UINT_MAX,
      .run = wc_cmd_image_load },
    { .name = "image ls",
      .group = image_group,
      .usage = "",
      .help = "list images",
      OPTIONS(image_ls_options),
      .run = wc_cmd_image_ls },
    { .name = "image rm",
      .group = image_group,
      .usage = "IMAGE...",
      .help = "remove images",
      OPTIONS(image_rm_options),
      .words = WC_WORDS_OTHER,
      .min_words = 1,
      .max_words = UINT_MAX,
      .run = wc_cmd_image_rm },
    { .name = "image make",
      .group = image_group,
      .usage = "RECIPE...",
      .help = "make images from Debian packages by recipes (docs/recipes.md)",
      OPTIONS(image_make_options),
      .words = WC_WORDS_FILES,
      .min_words = 1,
      .max_words = UINT_MAX,
      .run = wc_cmd_image_make },
    { .name = "generate systemd",
      .group = other_group,
      .usage = "",
      .help = "print a unit by which systemd runs the project's supervisor",
      .run = wc_cmd_generate_systemd },
    { .name = "version",
      .group = other_group,
      .usage = "",
      .help = "print the version",
      OPTIONS(version_options),
      .run = wc_cmd_version },
    { .name = "completion",
      .group = other_group,
      .usage = "bash|zsh|fish",
      .help = "print a script that makes the shell complete commands",
      .words = WC_WORDS_OTHER,
      .min_words = 1,
      .max_words = 1,
      .run = wc_cmd_completion },
    { .name = "supervise",
      .usage = "",
      .help = "look after one project; started by up",
      OPTIONS(supervise_options),
      .run = wc_cmd_supervise },
};
const size_t wc_n_commands = WC_COUNT(wc_commands);
