/* test_crc32c.c - the checksum against the vectors of its standard. */
#include "harness/wc_test.h"

#include "base/crc32c.h"

/* RFC 3720, appendix B.4. */
static void known_vectors(void **state)
{
    (void)state;
    unsigned char bytes[32];
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(wc_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(wc_crc32c(0, bytes, 32), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(wc_crc32c(0, bytes, 32), 0x46dd794e);
    for (unsigned i = 0; i < 32; i++)
        bytes[i] = (unsigned char)(31 - i);
    assert_int_equal(wc_crc32c(0, bytes, 32), 0x113fdb5c);
    assert_int_equal(wc_crc32c(0, "123456789", 9), 0xe3069283);
}

static void in_pieces(void **state)
{
    (void)state;
    static const char text[] = "the same bytes, cut anywhere";
    uint32_t whole = wc_crc32c(0, text, sizeof text);
    for (size_t cut = 0; cut <= sizeof text; cut++)
        assert_int_equal(wc_crc32c(wc_crc32c(0, text, cut), text + cut, sizeof text - cut), whole);
    assert_int_equal(wc_crc32c(0, text, 0), 0);
}

WC_MAIN(WC_CASE(known_vectors), WC_CASE(in_pieces))
