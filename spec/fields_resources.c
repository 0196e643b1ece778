/* fields_resources.c - the rows of resources: blkio, requests for devices, limits, credentials. */
#include "spec/draft.h"
#include "spec/fields.h"

#define S(member) (long)offsetof(struct wc_service_draft, service.member)

const char *const wc_ulimit_names[] = { "core",    "cpu",      "data",   "fsize",      "locks",
                                        "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                        "rss",     "rtprio",   "rttime", "sigpending", "stack",
                                        "as",      NULL };

/* clang-format off */
static const struct wc_field weight_rows[] = {
    { ROW("path", string, NONE, REPLACE, CARRIED, INPLACE), WINDOWS(WARNED) },
    { ROW("weight", count, NONE, REPLACE, CARRIED, INPLACE), WINDOWS(WARNED) },
};
static const struct wc_table weight_table =
    CLOSED_TABLE(weight_rows, "blkio_weight", "05-services.md#weight_device");

static const struct wc_field rate_rows[] = {
    { ROW("path", string, NONE, REPLACE, CARRIED, INPLACE), WINDOWS(WARNED) },
    { ROW("rate", bytes, NONE, REPLACE, CARRIED, INPLACE), WINDOWS(WARNED) },
};
static const struct wc_table rate_table =
    CLOSED_TABLE(rate_rows, "blkio_rate", "05-services.md#blkio_config");

static const struct wc_field blkio_rows[] = {
    { ROW("device_read_bps", io_list, S(io.rates[WC_IO_READ_BPS]), APPEND, CARRIED, INPLACE),
      WINDOWS(WARNED), .sub = &rate_table,
      .clause = "05-services.md#device_read_bps-device_write_bps" },
    { ROW("device_read_iops", io_list, S(io.rates[WC_IO_READ_IOPS]), APPEND, CARRIED, INPLACE),
      WINDOWS(WARNED), .sub = &rate_table,
      .clause = "05-services.md#device_read_iops-device_write_iops" },
    { ROW("device_write_bps", io_list, S(io.rates[WC_IO_WRITE_BPS]), APPEND, CARRIED, INPLACE),
      WINDOWS(WARNED), .sub = &rate_table,
      .clause = "05-services.md#device_read_bps-device_write_bps" },
    { ROW("device_write_iops", io_list, S(io.rates[WC_IO_WRITE_IOPS]), APPEND, CARRIED, INPLACE),
      WINDOWS(WARNED), .sub = &rate_table,
      .clause = "05-services.md#device_read_iops-device_write_iops" },
    { ROW("weight", count, S(io.weight), REPLACE, CARRIED, INPLACE), WINDOWS(WARNED),
      .fallback = "the kernel's" },
    { ROW("weight_device", io_list, S(io.weights), APPEND, CARRIED, INPLACE), WINDOWS(WARNED),
      .sub = &weight_table },
};
const struct wc_table wc_table_blkio = CLOSED_TABLE(blkio_rows, "blkio", "05-services.md#");

static const struct wc_field request_rows[] = {
    { ROW("capabilities", strings, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("count", device_count, NONE, REPLACE, REFUSED, KEEPS), .fallback = "all" },
    { ROW("device_ids", strings, NONE, APPEND, REFUSED, KEEPS) },
    { ROW("driver", string, NONE, REPLACE, REFUSED, KEEPS) },
    { ROW("options", kv, NONE, KEYS, REFUSED, KEEPS) },
};
const struct wc_table wc_table_request = TABLE(request_rows, "device_request", "deploy.md#");

static const struct wc_field discrete_rows[] = {
    { ROW("kind", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("value", count, NONE, REPLACE, WARNED, KEEPS) },
};
static const struct wc_table discrete_table =
    TABLE(discrete_rows, "discrete_resource", "deploy.md#resources");

static const struct wc_field generic_rows[] = {
    { ROW("discrete_resource_spec", section, NONE, MAP, WARNED, KEEPS), .sub = &discrete_table },
};
const struct wc_table wc_table_generic =
    TABLE(generic_rows, "generic_resource", "deploy.md#resources");

static const struct wc_field ulimit_rows[] = {
    { ROW("hard", int, NONE, REPLACE, CARRIED, RECREATES), SHOWS_ZERO },
    { ROW("soft", int, NONE, REPLACE, CARRIED, RECREATES), SHOWS_ZERO },
};
const struct wc_table wc_table_ulimit = TABLE(ulimit_rows, "ulimit", "05-services.md#ulimits");

static const struct wc_field credential_rows[] = {
    { ROW("config", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("file", string, NONE, REPLACE, WARNED, KEEPS) },
    { ROW("registry", string, NONE, REPLACE, WARNED, KEEPS) },
};
/* clang-format on */

const struct wc_table wc_table_credential =
    TABLE(credential_rows, "credential_spec", "05-services.md#credential_spec");
