/* crc32c.h - the checksum of what we keep on disk (base, layer 0, pure).
 *
 * Idea:    CRC-32C (Castagnoli): finds every burst up to 32 bits and every odd number of flipped
 *          bits, and x86 and ARM have instructions for it, should the table ever be too slow.
 * Threads: any. Errors: none.
 * Source:  RFC 3720, section 12.1.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Returns the checksum of what `crc` stands for with `len` more bytes behind it; start with 0. */
uint32_t wc_crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
