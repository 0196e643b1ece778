/* fields_storage.c - the rows of what a container finds in its file system: mounts, devices,
 * configs and secrets, and their top level.
 */
#include "spec/fields.h"

#define V(member) (long)offsetof(struct wc_volume, member)

static const char *const mount_types[] = { "bind",  "volume",  "tmpfs", "npipe",
                                           "image", "cluster", NULL };
static const char *const propagations[] = { "rprivate", "private", "rshared", "shared",
                                            "rslave",   "slave",   NULL };
static const char *const recursions[] = { "enabled", "disabled", "writable", "readonly", NULL };
static const char *const selinux[] = { "z", "Z", NULL };

/* clang-format off */
static const struct wc_field bind_rows[] = {
    { ROW("create_host_path", bool, NONE, REPLACE, CARRIED, RECREATES),
      SHOWS_ZERO, .fallback = "true" },
    { ROW("propagation", word, NONE, REPLACE, CARRIED, RECREATES), WINDOWS(REFUSED),
      .words = propagations, .fallback = "rprivate" },
    { ROW("recursive", word, NONE, REPLACE, REFUSED, KEEPS),
      .words = recursions, .fallback = "enabled" },
    { ROW("selinux", word, NONE, REPLACE, WARNED, KEEPS), .words = selinux },
};
static const struct wc_table bind_table = TABLE(bind_rows, "bind", "05-services.md#volumes");

static const struct wc_field volume_rows[] = {
    { ROW("labels", kv, NONE, KEYS, WARNED, KEEPS) },
    { ROW("nocopy", bool, NONE, REPLACE, CARRIED, RECREATES), .fallback = "false" },
    { ROW("subpath", string, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table volume_table =
    TABLE(volume_rows, "volume_mount", "05-services.md#volumes");

static const struct wc_field tmpfs_rows[] = {
    { ROW("mode", count, NONE, REPLACE, CARRIED, RECREATES), .fallback = "01777" },
    { ROW("size", bytes, NONE, REPLACE, CARRIED, RECREATES), .fallback = "half of memory" },
};
static const struct wc_table tmpfs_table = TABLE(tmpfs_rows, "tmpfs", "05-services.md#volumes");

static const struct wc_field image_rows[] = {
    { ROW("subpath", string, NONE, REPLACE, CARRIED, RECREATES) },
};
static const struct wc_table image_table =
    TABLE(image_rows, "image_mount", "05-services.md#volumes");

static const struct wc_field mount_rows[] = {
    { ROW("bind", section, NONE, MAP, CARRIED, RECREATES), .sub = &bind_table },
    { ROW("consistency", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("image", section, NONE, MAP, CARRIED, RECREATES), .sub = &image_table },
    { ROW("read_only", bool, NONE, REPLACE, CARRIED, RECREATES), .fallback = "false" },
    { ROW("source", string, NONE, REPLACE, CARRIED, RECREATES), .fallback = "an anonymous volume" },
    { ROW("target", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("tmpfs", section, NONE, MAP, CARRIED, RECREATES), WINDOWS(REFUSED), .sub = &tmpfs_table },
    { ROW("type", word, NONE, REPLACE, CARRIED, RECREATES), .words = mount_types },
    { ROW("volume", section, NONE, MAP, CARRIED, RECREATES), .sub = &volume_table },
};
const struct wc_table wc_table_mount = TABLE(mount_rows, "mount", "05-services.md#volumes");

static const struct wc_field device_rows[] = {
    { ROW("permissions", string, NONE, REPLACE, CARRIED, RECREATES), .fallback = "rwm" },
    { ROW("source", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("target", string, NONE, REPLACE, CARRIED, RECREATES),
      .fallback = "as source, in the short form" },
};
const struct wc_table wc_table_device = TABLE(device_rows, "device", "05-services.md#devices");

static const struct wc_field reference_rows[] = {
    { ROW("gid", string, NONE, REPLACE, CARRIED, RECREATES), .fallback = "0" },
    { ROW("mode", file_mode, NONE, REPLACE, CARRIED, RECREATES), .fallback = "0444" },
    { ROW("source", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("target", string, NONE, REPLACE, CARRIED, RECREATES),
      .fallback = "/SOURCE; of secrets /run/secrets/SOURCE" },
    { ROW("uid", string, NONE, REPLACE, CARRIED, RECREATES), .fallback = "0" },
};
const struct wc_table wc_table_reference =
    TABLE(reference_rows, "reference", "05-services.md#long-syntax");

static const struct wc_field external_rows[] = {
    { ROW("name", string, NONE, REPLACE, CARRIED, KEEPS), .fallback = "the key" },
};
const struct wc_table wc_table_external =
    TABLE(external_rows, "external", "06-networks.md#external");

static const struct wc_field top_volume_rows[] = {
    { ROW("driver", string, V(driver), REPLACE, CARRIED, RECREATES), .fallback = "local" },
    { ROW("driver_opts", options, V(driver_opts), KEYS, CARRIED, RECREATES) },
    { ROW("external", external, V(external), REPLACE, CARRIED, RECREATES),
      .sub = &wc_table_external, .fallback = "false" },
    { ROW("labels", kv, V(labels), KEYS, CARRIED, KEEPS) },
    { ROW("name", string, V(name), REPLACE, CARRIED, RECREATES), .fallback = "PROJECT_KEY" },
};
const struct wc_table wc_table_volume = TABLE(top_volume_rows, "volume", "07-volumes.md#");

static const struct wc_field config_rows[] = {
    { ROW("content", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("environment", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("external", external, NONE, REPLACE, QUIET, KEEPS),
      .sub = &wc_table_external, .fallback = "false" },
    { ROW("file", path, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("labels", kv, NONE, KEYS, QUIET, KEEPS) },
    { ROW("name", string, NONE, REPLACE, QUIET, KEEPS), .fallback = "PROJECT_KEY" },
    { ROW("template_driver", string, NONE, REPLACE, QUIET, KEEPS) },
};
const struct wc_table wc_table_config = TABLE(config_rows, "config", "08-configs.md");

static const struct wc_field secret_rows[] = {
    { ROW("driver", string, NONE, REPLACE, QUIET, KEEPS) },
    { ROW("driver_opts", options, NONE, KEYS, QUIET, KEEPS) },
    { ROW("environment", string, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("external", external, NONE, REPLACE, QUIET, KEEPS),
      .sub = &wc_table_external, .fallback = "false" },
    { ROW("file", path, NONE, REPLACE, CARRIED, RECREATES) },
    { ROW("labels", kv, NONE, KEYS, QUIET, KEEPS) },
    { ROW("name", string, NONE, REPLACE, QUIET, KEEPS), .fallback = "PROJECT_KEY" },
    { ROW("template_driver", string, NONE, REPLACE, QUIET, KEEPS) },
};
/* clang-format on */

const struct wc_table wc_table_secret = TABLE(secret_rows, "secret", "09-secrets.md");
