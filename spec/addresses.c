/* addresses.c - addresses as they are written. They are checked here although docker compose passes
 * anything: a wrong one fails when its container starts, behind all that was started before it.
 */
#include "spec/addresses.h"

#include <string.h>

#include "base/str.h"
#include "spec/table.h"

/* Four numbers up to 255 without zeros in front, which some programs read as octal. */
bool wc_address_is_ip4(const char *ip)
{
    for (int parts = 1;; parts++) {
        size_t len = strspn(ip, "0123456789");
        if (len == 0 || len > 3 || (len > 1 && ip[0] == '0') ||
            (len == 3 && strncmp(ip, "255", 3) > 0))
            return false;
        ip += len;
        if (*ip != '.' || parts == 4)
            return *ip == '\0' && parts == 4;
        ip++;
    }
}

/* Eight groups, of which one "::" leaves some out; the last two may be an IPv4 address. */
bool wc_address_is_ip6(const char *ip)
{
    int groups = 0;
    bool gap = ip[0] == ':' && ip[1] == ':';
    for (ip += gap ? 2 : 0; *ip != '\0'; groups++) {
        size_t len = strspn(ip, "0123456789abcdefABCDEF");
        if (ip[len] == '.')
            return wc_address_is_ip4(ip) && (gap ? groups < 6 : groups == 6);
        if (len == 0 || len > 4 || (ip[len] != ':' && ip[len] != '\0'))
            return false;
        ip += len;
        if (ip[0] == ':' && ip[1] == ':') {
            if (gap)
                return false;
            gap = true;
            ip += 2;
        } else if (ip[0] == ':' && *++ip == '\0') {
            return false;
        }
    }
    return gap ? groups < 8 : groups == 8;
}

/* Six pairs of hex digits with colons or dashes; a first one that is odd is a group's. */
static bool is_mac(const char *text)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    for (int i = 0; i < 6; i++, text += 3) {
        int behind = strspn(text, digits) == 2 ? text[2] : '?';
        if (i < 5 ? behind != ':' && behind != '-' : behind != '\0')
            return false;
        if (i == 0 && strchr("13579bdfBDF", text[1]) != NULL)
            return false;
    }
    return true;
}

static struct wc_node *check(struct wc_load *load, const struct wc_field *field,
                             struct wc_node *node, const struct wc_where *where, bool good)
{
    if (good || node->text[0] == '\0') /* as if it weren't there */
        return node;
    struct wc_node *bad =
        wc_canon_bad(load, node, "%s takes %s, not '%s'", wc_where_text(load, where),
                     field->type->expects, node->text);
    load->diags->last->hint = field->type->hint;
    return bad;
}

struct wc_node *wc_canon_ip4(struct wc_load *load, const struct wc_field *field,
                             struct wc_node *node, const struct wc_where *where)
{
    return check(load, field, node, where, wc_address_is_ip4(node->text));
}

struct wc_node *wc_canon_ip6(struct wc_load *load, const struct wc_field *field,
                             struct wc_node *node, const struct wc_where *where)
{
    return check(load, field, node, where, wc_address_is_ip6(node->text));
}

struct wc_node *wc_canon_mac(struct wc_load *load, const struct wc_field *field,
                             struct wc_node *node, const struct wc_where *where)
{
    return check(load, field, node, where, is_mac(node->text));
}
