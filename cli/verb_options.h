/* verb_options.h - the options of each verb: rows of the table in verbs.c, which alone includes
 * this (cli, layer 5). */
#ifndef CLI_VERB_OPTIONS_H
#define CLI_VERB_OPTIONS_H

#include "cli/cli.h"

#define FLAG(name, letter, help)                                                                   \
    {                                                                                              \
        name, letter, WC_OPTION_FLAG, NULL, help                                                   \
    }

#define INSECURE                                                                                   \
    {                                                                                              \
        "insecure-registry", 0, WC_OPTION_LIST, "HOST[:PORT]",                                     \
            "registry that may do without TLS; may be repeated"                                    \
    }

static const struct wc_option up_options[] = {
    FLAG("detach", 'd', "leave the app running in the background"),
    FLAG("wait", 0, "wait until everything is healthy or done; implies --detach"),
    { "wait-timeout", 0, WC_OPTION_SECONDS, "SECONDS", "longest wait of --wait" },
    FLAG("force-recreate", 0, "replace instances that did not change as well"),
    FLAG("no-recreate", 0, "keep instances that changed"),
    FLAG("remove-orphans", 0, "remove instances of services that the file no longer has"),
    FLAG("no-deps", 0, "leave services alone that the named ones depend on"),
    FLAG("no-start", 0, "create without starting"),
    FLAG("build", 0, "build images before, also those that are there"),
    FLAG("no-build", 0, "build no image, also when it is missing"),
    { "pull", 0, WC_OPTION_CHOICE, "always|missing|never",
      "pull images by this policy instead of the services' own" },
    FLAG("quiet-pull", 0, "show no progress of pulls"),
    INSECURE,
    { "scale", 0, WC_OPTION_LIST, "SERVICE=N", "number of instances; may be repeated" },
    { "timeout", 't', WC_OPTION_SECONDS, "SECONDS", "grace before a stopped instance is killed" },
    FLAG("no-log-prefix", 0, "print log lines without the service's name"),
    FLAG("no-color", 0, "print log lines without colour"),
    FLAG("timestamps", 0, "print the time of each log line"),
    FLAG("abort-on-container-exit", 0, "stop everything when one instance exits"),
    FLAG("abort-on-container-failure", 0, "stop everything when one instance fails"),
    { "exit-code-from", 0, WC_OPTION_TEXT, "SERVICE",
      "exit with this service's code; implies --abort-on-container-exit, unless with -failure" },
    FLAG("locked", 0, "only with the images that wcompose.lock pins"),
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
    FLAG("digests", 0, "print which image each service gets, by its digest"),
    FLAG("locked", 0, "with the images that wcompose.lock pins; with --digests"),
    { "pull", 0, WC_OPTION_CHOICE, "always|missing|never", "as if up were given it" },
    FLAG("build", 0, "as if up were given it"),
    FLAG("remote", 0, "ask the registries which images they have, for what would be pulled"),
    INSECURE,
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

static const struct wc_option reconcile_options[] = {
    { "agent-file", 0, WC_OPTION_TEXT, "FILE", "list of apps: /etc/wcompose/agent.yaml" },
    FLAG("once", 0, "do what is to be done now, and end: for cron and CI"),
    FLAG("if-due", 0, "with --once: only what its interval says is due"),
    FLAG("check", 0, "change nothing; exit 5 when something would be changed"),
    FLAG("allow-rewind", 0,
         "with --once APP: this time a revision that doesn't follow the one applied last is taken"),
    { "since", 0, WC_OPTION_TEXT, "TIME",
      "events: first what is remembered from this time on, or since so long ago (\"10m\")" },
    { "until", 0, WC_OPTION_TEXT, "TIME", "events: up to this time, or so long ago; then end" },
};

static const struct wc_option lint_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "text|json|github|sarif", "how findings are printed" },
    FLAG("strict", 0, "fail on warnings too"),
    { "output", 'o', WC_OPTION_TEXT, "FILE", "write to a file instead of stdout" },
};

static const struct wc_option kernel_install_options[] = {
    { "from", 0, WC_OPTION_TEXT, "FILE",
      "a .deb file, or a directory with a kernel, instead of the distribution's package" },
    FLAG("force", 'f', "also when it is there already"),
};

static const struct wc_option kernel_build_options[] = {
    FLAG("force", 'f', "also when it is there already"),
};

static const struct wc_option kernel_ls_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option doctor_options[] = {
    { "format", 0, WC_OPTION_CHOICE, "table|json", "how to print" },
};

static const struct wc_option generate_systemd_options[] = {
    FLAG("agent", 0, "of the agent that keeps apps on their sources, instead of one project"),
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

#endif
