/* modinfo.c - finds one section of an ELF object, looking at each number before it is used. */
#include "drivers/hyperv/modinfo.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"

struct span {
    const char *bytes;
    size_t len;
};

/* The part of `whole` that begins at `offset`. */
static bool cut(struct span whole, uint64_t offset, uint64_t len, struct span *out)
{
    if (offset > whole.len || len > whole.len - offset)
        return false;
    *out = (struct span){ whole.bytes + offset, (size_t)len };
    return true;
}

/* Section number i; sections may lie anywhere, so it is copied to where it is aligned. */
static bool section_at(struct span file, const Elf64_Ehdr *head, uint64_t i, Elf64_Shdr *out)
{
    struct span raw;
    if (i >= head->e_shnum || !cut(file, head->e_shoff, 0, &raw) ||
        !cut(file, head->e_shoff + i * sizeof *out, sizeof *out, &raw))
        return false;
    memcpy(out, raw.bytes, sizeof *out);
    return true;
}

/* True when the text at `offset` of the table of names is `name`. */
static bool is_named(struct span names, uint64_t offset, const char *name)
{
    struct span at;
    return cut(names, offset, strlen(name) + 1, &at) && memcmp(at.bytes, name, at.len) == 0;
}

static bool find_section(struct span file, const char *name, struct span *out)
{
    Elf64_Ehdr head;
    Elf64_Shdr section;
    struct span names;
    if (file.len < sizeof head)
        return false;
    memcpy(&head, file.bytes, sizeof head);
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_shentsize != sizeof section)
        return false;
    if (!section_at(file, &head, head.e_shstrndx, &section) ||
        !cut(file, section.sh_offset, section.sh_size, &names))
        return false;
    for (uint64_t i = 0; i < head.e_shnum; i++)
        if (section_at(file, &head, i, &section) && is_named(names, section.sh_name, name))
            return section.sh_type == SHT_PROGBITS &&
                   cut(file, section.sh_offset, section.sh_size, out);
    return false;
}

static void add_names(const char *list, size_t len, struct wc_arena *arena, struct wc_strv *out)
{
    for (size_t at = 0; at < len;) {
        const char *comma = memchr(list + at, ',', len - at);
        size_t n = comma != NULL ? (size_t)(comma - list) - at : len - at;
        if (n > 0)
            wc_strv_add(arena, out, wc_arena_strndup(arena, list + at, n));
        at += n + 1;
    }
}

int wc_modinfo_depends(const void *bytes, size_t len, struct wc_arena *arena, struct wc_strv *out,
                       struct wc_err *err)
{
    static const char key[] = "depends=";
    struct span info;
    if (!find_section((struct span){ bytes, len }, ".modinfo", &info))
        return wc_err_set(err, WC_ERR_SPEC, 0, "it is no kernel module (64-bit ELF, .modinfo)");
    for (size_t at = 0; at < info.len;) {
        const char *line = info.bytes + at;
        size_t n = strnlen(line, info.len - at);
        if (n >= sizeof key - 1 && memcmp(line, key, sizeof key - 1) == 0)
            add_names(line + sizeof key - 1, n - (sizeof key - 1), arena, out);
        at += n + 1;
    }
    return 0;
}
