/* codes.c - one row a code, in the order of the enumeration. */
#include "spec/codes.h"

#include "base/buf.h"

static const struct wc_code_info rows[WC_W_COUNT_CODES] = {
    [WC_E_UNKNOWN_KEY] = { "E100", "unknown key",
                           "The Compose Specification has no such key at this place. A key of your "
                           "own starts with x-.",
                           "services: {web: {image: nginx, enviroment: {A: 1}}}" },
    [WC_E_TYPE] = { "E101", "wrong type",
                    "The value has another shape than this key takes, such as a list where a "
                    "string belongs. Numbers aren't turned into strings: put quotes around them.",
                    "services: {web: {image: [nginx]}}" },
    [WC_E_VALUE] = { "E102", "wrong value",
                     "The value has the right shape, but can't be read: a duration without a unit, "
                     "a size with an unknown one, a port that is no number.",
                     "services: {web: {image: nginx, stop_grace_period: 10sec}}" },
    [WC_E_DUPLICATE] = { "E103", "key appears twice",
                         "A map holds each key once; which of the two counts would be a guess.",
                         "services: {web: {image: a, image: b}}" },
    [WC_E_SYNTAX] = { "E104", "not valid YAML",
                      "The file can't be read as YAML; nothing behind this place was looked at.",
                      "services: {web: [" },
    [WC_E_LIMIT] = { "E105", "beyond a limit",
                     "Input is bounded so that a small file can't take the machine's memory or "
                     "time. "
                     "The message names the limit; docs/limits.md lists all. If the files can be "
                     "trusted, raise it with --limit NAME=N or WCOMPOSE_LIMITS.",
                     "a: &a [x, x]   repeated, each line naming the one before many times" },
    [WC_E_TEMPLATE] = { "E106", "wrong interpolation",
                        "${…} takes a name and one of :- - :+ + :? ?. A dollar sign that is meant "
                        "as such is written $$.",
                        "services: {web: {image: \"nginx:${TAG:=1}\"}}" },
    [WC_E_VARIABLE] = { "E107", "required variable isn't set",
                        "${NAME:?message} or ${NAME?message} names a variable that must have a "
                        "value, in the environment, in .env or in an --env-file.",
                        "services: {web: {image: \"nginx:${TAG:?set a tag}\"}}" },
    [WC_E_FILE] = { "E108", "file can't be read",
                    "A Compose file, an --env-file, an env_file or a label_file is missing or "
                    "unreadable, or no Compose file was found here or above.",
                    "services: {web: {image: nginx, env_file: missing.env}}" },
    [WC_E_NAME] = { "E109", "name not allowed",
                    "Project names are [a-z0-9][a-z0-9_-]*; services, networks and volumes take "
                    "letters, digits, '.', '_' and '-'.",
                    "services: {\"my web\": {image: nginx}}" },
    [WC_E_ISOLATION] = { "E110", "unknown isolation",
                         "isolation is empty, default, process or hyperv, in any case. Anything "
                         "else is refused when the file is loaded, since guessing would weaken it.",
                         "services: {web: {image: nginx, isolation: hyper-v}}" },
    [WC_E_LOWERED] = { "E111", "profile lowers an isolation",
                       "A profile under x-wcompose may raise a service to hyperv, never lower one "
                       "that asks for it. Leave the service's own isolation empty to let profiles "
                       "choose.",
                       "x-wcompose: {profiles: {dev: {services: {web: {isolation: process}}}}}" },
    [WC_E_DOTENV] = { "E112", "wrong line in an env file",
                      "A line is KEY=value, with the value bare, in '…' or in \"…\".",
                      "MY KEY=1   in .env" },
    [WC_E_SHELL] = { "E113", "shell operator in a command",
                     "A command string is split into words; no shell reads it, so && | ; < > would "
                     "not do what they say. Ask for a shell, or quote the sign.",
                     "services: {web: {image: nginx, command: a && b}}" },
    [WC_E_MISSING] = { "E114", "something is missing",
                       "A required key is absent: a service needs an image, a mount a target.",
                       "services: {web: {command: a}}" },
    [WC_E_MERGE] = { "E115", "files can't be merged",
                     "Two files give one key values of different shape.",
                     "x-a: [1]   in one file, x-a: {b: 1} in the next" },
    [WC_E_RESTRICTED] = { "E116", "refused by --restricted",
                          "With --restricted, for files from elsewhere, nothing outside the "
                          "project "
                          "directory is read or mounted, symbolic links followed, and no variable "
                          "of the environment is used. Copy the file into the directory, let a "
                          "variable in with --allow-env, or leave --restricted out if the files "
                          "can be trusted.",
                          "services: {web: {image: nginx, env_file: ../../etc/secrets}}" },
    [WC_E_GRANT] = { "E117", "not granted to a restricted source",
                     "What comes from a restricted source has nothing of the host but what its "
                     "admin grants: no privileges, no host ports, devices, paths, kernel settings, "
                     "networks or volumes of others. Do without it, have it granted (grant: in the "
                     "agent's file), or make the source trusted.",
                     "services: {web: {image: nginx, privileged: true}}" },
    [WC_E_RELOCATE] = { "E118", "a file can't be taken along",
                        "A file or directory that a service mounts out of its source is copied to "
                        "where it stays as it is, and that failed: it isn't there, it is too "
                        "large, or it leads out of the source. What a service writes belongs in a "
                        "volume.",
                        "services: {web: {image: nginx, volumes: [\"./missing:/data\"]}}" },
    [WC_E_SECRET] = { "E119", "an encrypted file can't be used",
                      "A file that SOPS encrypted can't be decrypted: no age identity was given, "
                      "none "
                      "fits, or the file was altered since. Give the identity by --age-identity or "
                      "SOPS_AGE_KEY_FILE (docs/secrets.md). It is never used encrypted, and never "
                      "where its values would be shown: in .env, --env-file and label_file.",
                      "secrets: {db: {file: db.sops.yaml}}" },
    [WC_E_NOT_YET] = { "E300", "not carried out yet",
                       "Valid Compose, but wcompose doesn't do it yet, and leaving it out would "
                       "change what runs or how safely.",
                       "services: {web: {image: nginx, gpus: all}}" },
    [WC_E_UNKNOWN_SERVICE] = { "E200", "undefined service",
                               "depends_on, links or a service: reference names a service that the "
                               "project doesn't have.",
                               "services: {web: {image: nginx, depends_on: [bd]}}" },
    [WC_E_CYCLE] = { "E201", "dependency cycle",
                     "Services wait for one another in a circle, so none of them could be started "
                     "first. Remove one of the edges that the message lists.",
                     "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}" },
    [WC_E_UNKNOWN_NETWORK] = { "E202", "undefined network",
                               "A service joins a network that isn't under the top-level networks.",
                               "services: {web: {image: nginx, networks: [front]}}" },
    [WC_E_UNKNOWN_VOLUME] = { "E203", "undefined volume",
                              "A service mounts a named volume that isn't under the top-level "
                              "volumes. A path on the host starts with '.', '/' or '~'.",
                              "services: {web: {image: nginx, volumes: [\"data:/data\"]}}" },
    [WC_E_DISABLED_DEP] = { "E204", "needs a service that no profile turned on",
                            "An active service depends on one whose profiles aren't active. "
                            "Activate one of them, or write required: false.",
                            "services: {web: {image: a, depends_on: [db]}, db: {image: b, "
                            "profiles: [x]}}" },
    [WC_E_CONFLICT] = { "E205", "two keys exclude each other",
                        "The two can't both be meant, such as network_mode with networks.",
                        "services: {web: {image: a, network_mode: none, networks: [n]}}" },
    [WC_E_TWINS] = { "E206", "two keys for one thing disagree",
                     "mem_limit, cpus, pids_limit, mem_reservation and scale have twins under "
                     "deploy; where both are there, they must agree.",
                     "services: {web: {image: a, scale: 2, deploy: {replicas: 3}}}" },
    [WC_E_SAME_TARGET] = { "E207", "two mounts on one target", "One would hide the other.",
                           "services: {web: {image: a, volumes: [\"/a:/x\"], tmpfs: /x}}" },
    [WC_E_SCALE] = { "E208", "a container name for several replicas",
                     "container_name gives one name; replicas need several.",
                     "services: {web: {image: a, container_name: www, scale: 2}}" },
    [WC_E_SELECTION] = { "E209", "no such service",
                         "The command line names a service that the project doesn't have.",
                         "wcompose up wbe" },
    [WC_E_UNKNOWN_OBJECT] = { "E210", "undefined config, secret or model",
                              "A service names one that isn't under the top-level configs, secrets "
                              "or models.",
                              "services: {web: {image: nginx, secrets: [token]}}" },
    [WC_E_EXTENDS] = { "E211", "nothing to extend",
                       "extends names a service that the file doesn't have. Without 'file' it "
                       "looks in the same file and what that includes, never in the files that "
                       "are laid over each other.",
                       "services: {web: {extends: bsae}, base: {image: nginx}}" },
    [WC_E_EXTENDS_CYCLE] = { "E212", "extends goes round",
                             "A service extends itself, directly or through others.",
                             "services: {a: {extends: b}, b: {extends: a}}" },
    [WC_E_INCLUDE_CYCLE] = { "E213", "include goes round",
                             "A file includes itself, directly or through others.",
                             "include: [compose.yaml]   in compose.yaml" },
    [WC_E_CANT_ISOLATE] = { "E401", "isolation can't be kept",
                            "The level that a service asks for, or that a rule demands, can't be "
                            "had on this host, or two demands exclude each other; the message says "
                            "which and why. wcompose never lowers an isolation: nothing is made. "
                            "`wcompose why SERVICE` shows every rule. Exit code 4.",
                            "services: {web: {image: nginx, isolation: hyperv}}" },
    [WC_E_HOST_POLICY] = { "E402", "the host's policy can't be used",
                           "The policy file of this host can't be read, or somebody else than root "
                           "and the user may write it. What it would demand is not known, so "
                           "nothing is decided.",
                           "-rw-rw-rw- root root /etc/wcompose/policy.yaml" },
    [WC_W_NOT_YET] = { "W010", "accepted, not carried out",
                       "Valid Compose that has no effect here yet; the service runs without it.",
                       "services: {web: {image: nginx, mac_address: \"02:00:00:00:00:01\"}}" },
    [WC_W_OBSOLETE] = { "W011", "obsolete key", "The key has no meaning any more; remove it.",
                        "version: \"3.8\"" },
    [WC_W_UNSET] = { "W012", "variable isn't set",
                     "An unset variable without a default becomes the empty string. ${NAME-} says "
                     "that this is meant.",
                     "services: {web: {image: \"nginx:$TAG\"}}" },
    [WC_W_ONLY_SHOWN] = { "W013", "shown, but not carried out yet",
                          "Valid Compose that config and lint show; up and plan refuse it (E300), "
                          "since leaving it out would change what runs or how safely.",
                          "services: {web: {image: nginx, gpus: all}}" },
    [WC_W_PROFILE] = { "W014", "no service has this profile",
                       "--profile names a profile that no service carries, so it switches nothing "
                       "on. Often a spelling mistake.",
                       "wcompose --profile debgu up" },
    [WC_W_SEVERAL] = { "W015", "several files of the known names",
                       "Only the first of the names that are looked for is read: compose.yaml, "
                       "compose.yml, docker-compose.yml, docker-compose.yaml, and one override.",
                       "compose.yaml and docker-compose.yml in one directory" },
    [WC_W_ISOLATION] = { "W401", "worth knowing about an isolation",
                         "The level can be had, with something to it: a licence that may not cover "
                         "it, a host that is for tests only, a memory limit that is missing.",
                         "wcompose plan --host w11-24h2" },
    [WC_W_EMULATED] = { "W402", "machines without hardware help",
                        "KVM doesn't work here, so QEMU translates what virtual machines carry out "
                        "(TCG): they start and run several times slower. `wcompose doctor` says "
                        "why. x-wcompose: {vm: {accel: tcg}} says that you know; accel: kvm "
                        "refuses instead.",
                        "services: {web: {image: nginx, isolation: hyperv}}" },
};

const struct wc_code_info *wc_spec_code_info(size_t i)
{
    return i < WC_W_COUNT_CODES ? &rows[i] : NULL;
}

const struct wc_code_info *wc_spec_code(enum wc_spec_code code)
{
    return &rows[code];
}

void wc_spec_codes_markdown(struct wc_buf *out)
{
    for (size_t i = 0; i < WC_W_COUNT_CODES; i++)
        wc_buf_printf(out, "### %s: %s\n\n%s\n\n```\n%s\n```\n\n", rows[i].code, rows[i].title,
                      rows[i].meaning, rows[i].example);
}
