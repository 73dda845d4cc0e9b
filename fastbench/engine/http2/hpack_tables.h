/* The tables of HPACK (RFC 7541): what its appendices say, and room for what follows from them.

   All of it but appendix A and the lengths of appendix B is filled in once, by `set_up_hpack`. The
   scratch holds strings that were decoded: one thread of a process reads blocks. */
#pragma once

#include <stdint.h>

enum {
    HPACK_SYMBOLS = 257,            /* 256 bytes, and the end of a string, which may not occur */
    HPACK_STATIC_FIELDS = 61,
    HPACK_SHORT_BITS = 10,          /* codes up to this long are found in one step */
    HPACK_SCRATCH_BYTES = 65536,
};

/* What one field says: an entry of a table that keeps no bytes. */
typedef struct {
    int64_t number;                 /* status or content-length, -1: none */
    uint16_t size;                  /* name + value + 32 (section 4.1), at most 65535 */
    uint16_t name_bytes;
    uint8_t kind;                   /* FieldKind of its name */
    uint8_t name_rule;              /* Malformed: what is wrong with its name alone */
    uint8_t rule;                   /* what is wrong with it */
    uint8_t unused;
} FieldMeaning;

typedef struct {
    const char *name;
    const char *value;
    uint8_t name_bytes;
    uint8_t value_bytes;
} HpackField;

#define FIELD(name, value) {name, value, sizeof(name) - 1, sizeof(value) - 1}

/* Appendix A; index 0 is none. */
static const HpackField hpack_static[HPACK_STATIC_FIELDS + 1] = {
    FIELD("", ""),
    FIELD(":authority", ""), FIELD(":method", "GET"), FIELD(":method", "POST"),
    FIELD(":path", "/"), FIELD(":path", "/index.html"), FIELD(":scheme", "http"),
    FIELD(":scheme", "https"), FIELD(":status", "200"), FIELD(":status", "204"),
    FIELD(":status", "206"), FIELD(":status", "304"), FIELD(":status", "400"),
    FIELD(":status", "404"), FIELD(":status", "500"), FIELD("accept-charset", ""),
    FIELD("accept-encoding", "gzip, deflate"), FIELD("accept-language", ""),
    FIELD("accept-ranges", ""), FIELD("accept", ""), FIELD("access-control-allow-origin", ""),
    FIELD("age", ""), FIELD("allow", ""), FIELD("authorization", ""),
    FIELD("cache-control", ""), FIELD("content-disposition", ""), FIELD("content-encoding", ""),
    FIELD("content-language", ""), FIELD("content-length", ""), FIELD("content-location", ""),
    FIELD("content-range", ""), FIELD("content-type", ""), FIELD("cookie", ""),
    FIELD("date", ""), FIELD("etag", ""), FIELD("expect", ""), FIELD("expires", ""),
    FIELD("from", ""), FIELD("host", ""), FIELD("if-match", ""), FIELD("if-modified-since", ""),
    FIELD("if-none-match", ""), FIELD("if-range", ""), FIELD("if-unmodified-since", ""),
    FIELD("last-modified", ""), FIELD("link", ""), FIELD("location", ""),
    FIELD("max-forwards", ""), FIELD("proxy-authenticate", ""),
    FIELD("proxy-authorization", ""), FIELD("range", ""), FIELD("referer", ""),
    FIELD("refresh", ""), FIELD("retry-after", ""), FIELD("server", ""),
    FIELD("set-cookie", ""), FIELD("strict-transport-security", ""),
    FIELD("transfer-encoding", ""), FIELD("user-agent", ""), FIELD("vary", ""),
    FIELD("via", ""), FIELD("www-authenticate", ""),
};

#undef FIELD

/* Appendix B: how long the code of each symbol is. The code is canonical: codes of one length are
   consecutive, in the order of their symbols, and follow those of the length before. */
static const uint8_t hpack_code_bits[HPACK_SYMBOLS] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28,
    30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8,
    6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
    5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23,
    23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24,
    21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
    20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24,
    26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
};

static uint8_t hpack_is_set_up[1];
static uint32_t hpack_codes[HPACK_SYMBOLS];
static uint16_t hpack_short[1 << HPACK_SHORT_BITS];     /* symbol | length << 9; 0: a longer code */
static uint16_t hpack_sorted[HPACK_SYMBOLS];            /* the symbols by their codes */
static uint64_t hpack_after[32];                        /* by length: the code behind its last, */
                                                        /* its bits moved up to 32 */
static int32_t hpack_offset[32];                        /* by length: place in `sorted` - code */
static uint8_t hpack_name_rules[256];                   /* Malformed: may the byte be in a name? */
static FieldMeaning hpack_static_meanings[HPACK_STATIC_FIELDS + 1];
static uint8_t hpack_name[HPACK_SCRATCH_BYTES];
static uint8_t hpack_value[HPACK_SCRATCH_BYTES];
