/* vm_module.h - makes files that look like kernel modules, for tests. */
#ifndef TESTS_UNIT_DRIVERS_VM_MODULE_H
#define TESTS_UNIT_DRIVERS_VM_MODULE_H

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

/* Appends an ELF object with the sections "", ".modinfo" (info, with its NULs) and ".shstrtab". */
static inline void vm_module_make(struct wc_buf *out, const char *info, size_t info_len)
{
    static const char names[] = "\0.modinfo\0.shstrtab";
    Elf64_Ehdr head = { .e_type = ET_REL,
                        .e_shoff = sizeof head + info_len + sizeof names,
                        .e_ehsize = sizeof head,
                        .e_shentsize = sizeof(Elf64_Shdr),
                        .e_shnum = 3,
                        .e_shstrndx = 2 };
    memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    const Elf64_Shdr sections[3] = {
        { 0 },
        { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = sizeof head, .sh_size = info_len },
        { .sh_name = 10,
          .sh_type = SHT_STRTAB,
          .sh_offset = sizeof head + info_len,
          .sh_size = sizeof names },
    };
    wc_buf_add(out, &head, sizeof head);
    wc_buf_add(out, info, info_len);
    wc_buf_add(out, names, sizeof names);
    wc_buf_add(out, sections, sizeof sections);
}

#endif
