/* elf.c - a reader of program headers and the dynamic section. ldd would run the program's own
 * loader, on files of unknown origin; this only reads. */
#include "images/elf.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/str.h"

enum { PHDRS_MAX = 64, DYNAMIC_MAX = 1024, STRING_MAX = 4096 };

struct file {
    int fd;
    struct wc_arena *arena;
    Elf64_Phdr phdrs[PHDRS_MAX];
    size_t n_phdrs;
};

static bool read_at(int fd, void *out, size_t len, uint64_t offset)
{
    return offset < INT64_MAX - len && pread(fd, out, len, (off_t)offset) == (ssize_t)len;
}

static bool read_headers(struct file *f)
{
    Elf64_Ehdr head;
    if (!read_at(f->fd, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
        head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > PHDRS_MAX)
        return false;
    f->n_phdrs = head.e_phnum;
    return read_at(f->fd, f->phdrs, f->n_phdrs * sizeof(Elf64_Phdr), head.e_phoff);
}

static const char *string_at(const struct file *f, uint64_t offset)
{
    char text[STRING_MAX];
    ssize_t n = offset > INT64_MAX ? -1 : pread(f->fd, text, sizeof text - 1, (off_t)offset);
    if (n <= 0)
        return NULL;
    text[n] = '\0';
    return wc_arena_strdup(f->arena, text);
}

/* Where in the file the byte at a virtual address is; 0 when nowhere. */
static uint64_t file_offset(const struct file *f, uint64_t address)
{
    for (size_t i = 0; i < f->n_phdrs; i++) {
        const Elf64_Phdr *p = &f->phdrs[i];
        if (p->p_type == PT_LOAD && address >= p->p_vaddr && address - p->p_vaddr < p->p_filesz)
            return p->p_offset + (address - p->p_vaddr);
    }
    return 0;
}

static void read_dynamic(const struct file *f, const Elf64_Phdr *dynamic, struct wc_elf *out)
{
    Elf64_Dyn entries[DYNAMIC_MAX];
    size_t n = dynamic->p_filesz / sizeof entries[0];
    if (n > DYNAMIC_MAX)
        n = DYNAMIC_MAX;
    if (!read_at(f->fd, entries, n * sizeof entries[0], dynamic->p_offset))
        return;
    uint64_t strings = 0;
    for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++)
        if (entries[i].d_tag == DT_STRTAB)
            strings = file_offset(f, entries[i].d_un.d_ptr);
    const char *rpath = NULL;
    for (size_t i = 0; strings != 0 && i < n && entries[i].d_tag != DT_NULL; i++) {
        const char *text = NULL;
        int64_t tag = entries[i].d_tag;
        if (tag == DT_NEEDED || tag == DT_RUNPATH || tag == DT_RPATH)
            text = string_at(f, strings + entries[i].d_un.d_val);
        if (text == NULL)
            continue;
        if (tag == DT_NEEDED)
            wc_strv_add(f->arena, &out->needed, text);
        else if (tag == DT_RUNPATH)
            out->search = text;
        else
            rpath = text;
    }
    if (out->search == NULL)
        out->search = rpath;
}

bool wc_elf_read(int fd, struct wc_arena *arena, struct wc_elf *out)
{
    struct file f = { .fd = fd, .arena = arena };
    if (!read_headers(&f))
        return false;
    struct wc_elf elf = { 0 };
    bool dynamic = false;
    for (size_t i = 0; i < f.n_phdrs; i++) {
        if (f.phdrs[i].p_type == PT_INTERP)
            elf.interpreter = string_at(&f, f.phdrs[i].p_offset);
        if (f.phdrs[i].p_type == PT_DYNAMIC) {
            dynamic = true;
            read_dynamic(&f, &f.phdrs[i], &elf);
        }
    }
    *out = elf;
    return dynamic;
}
