// Skipping over JSON containers and over ASCII 64 bytes at a time, for the envelope scanner and the UTF-8 check.
//
// This is C because it needs two things Swift does not offer: vector compares gathered into bit masks, and code for a
// newer processor than the build's baseline, chosen at run time (AVX2, popcnt and pclmul halve the instructions).
// The functions read exactly the bytes they are told to and keep no state of their own; what is a value, an error or
// the end of a message is decided in Swift.
#ifndef CLINUX_SIMD_H
#define CLINUX_SIMD_H

#include <stddef.h>
#include <stdint.h>

#define CLINUX_INLINE static inline __attribute__((always_inline, unused))

// Vectors of the compiler rather than one processor's intrinsics: it makes the same instructions of them, for SSE2, AVX2
// and NEON alike, and no intrinsics header has to be imported into Swift with this one.
typedef uint8_t clinux_bytes64 __attribute__((vector_size(64), aligned(1)));
typedef uint8_t clinux_bytes32 __attribute__((vector_size(32), aligned(1)));
typedef uint8_t clinux_bytes16 __attribute__((vector_size(16), aligned(1)));
typedef int8_t clinux_signed32 __attribute__((vector_size(32)));
typedef long long clinux_words32 __attribute__((vector_size(32)));
typedef _Bool clinux_bits64 __attribute__((ext_vector_type(64)));
typedef _Bool clinux_bits16 __attribute__((ext_vector_type(16)));
typedef _Bool clinux_bits32 __attribute__((ext_vector_type(32)));

// One bit for each byte of a 64-byte vector that a comparison found, the first byte lowest. (A macro, because a function
// with such a parameter would have another calling convention for each target.)
#define CLINUX_GATHER(comparison)                                                                                      \
    ({                                                                                                                 \
        const clinux_bits64 found = __builtin_convertvector(comparison, clinux_bits64);                                \
        uint64_t mask;                                                                                                 \
        __builtin_memcpy(&mask, &found, 8);                                                                            \
        mask;                                                                                                          \
    })

#if defined(__x86_64__)
#define CLINUX_AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt,pclmul")))

CLINUX_INLINE CLINUX_AVX2 uint64_t clinux_prefix_xor_avx2(uint64_t bits) {
    typedef long long clinux_pair __attribute__((vector_size(16)));
    // A product without carries by all ones.
    return (uint64_t)__builtin_ia32_pclmulqdq128((clinux_pair){(long long)bits, 0}, (clinux_pair){-1, -1}, 0)[0];
}
#endif

// Bit i of the result is the parity of bits 0…i.
CLINUX_INLINE uint64_t clinux_prefix_xor_baseline(uint64_t bits) {
    bits ^= bits << 1, bits ^= bits << 2, bits ^= bits << 4;
    bits ^= bits << 8, bits ^= bits << 16, bits ^= bits << 32;
    return bits;
}

// The bytes of a block that follow an odd run of backslashes; `carry` tells whether the first byte behind the block does.
// A run is odd when the carry of adding its first bit to it comes out at a distance of odd length, which the position's
// parity tells for runs that begin on odd positions.
CLINUX_INLINE uint64_t clinux_json_escaped(uint64_t backslash, uint64_t *carry) {
    const uint64_t even = 0x5555555555555555;
    const uint64_t follows = backslash << 1, odd_starts = backslash & ~even & ~follows;
    uint64_t sum;
    *carry = __builtin_add_overflow(odd_starts, backslash, &sum);
    return (even ^ sum << 1) & follows;
}

// The same for 32 bytes.
#define CLINUX_GATHER32(comparison)                                                                                    \
    ({                                                                                                                 \
        const clinux_bits32 found = __builtin_convertvector(comparison, clinux_bits32);                                \
        uint32_t mask;                                                                                                 \
        __builtin_memcpy(&mask, &found, 4);                                                                            \
        mask;                                                                                                          \
    })

// Those that have the high bit set.
#define CLINUX_HIGH32(bytes) CLINUX_GATHER32((clinux_signed32)(bytes) < 0)

// Both halves of a block in one mask.
#define CLINUX_GATHER_HALVES(left, right) ((uint64_t)CLINUX_GATHER32(left) | (uint64_t)CLINUX_GATHER32(right) << 32)

// Where bytes that are not ASCII lie: none outside of the blocks from `first` to `end`; both zero when there are none.
typedef struct {
    size_t first;
    size_t end;
} clinux_wide;

// Counts the brackets of the block at `offset`, which `kept` has all of, and leaves the function when the container ends
// in it: at the closing bracket that has as many opened before it, and the depth, as closed with it. Empty containers
// need not be looked at for that.
#define CLINUX_JSON_BRACKETS(prefix_xor, quotes, kept)                                                                 \
    const uint64_t inside = prefix_xor((quotes) ^ (in_string & 1));                                                    \
    in_string = inside >> 63;                                                                                          \
    const uint64_t bracket = CLINUX_GATHER_HALVES(left_marked < -125, right_marked < -125) & ~inside & (kept);         \
    const uint64_t open = CLINUX_GATHER_HALVES(left_marked == -128, right_marked == -128) & bracket;                   \
    const uint64_t close = bracket ^ open;                                                                             \
    const int64_t closes = __builtin_popcountll(close);                                                                \
    if (__builtin_expect(depth <= closes, 0)) {                                                                        \
        const uint64_t opening = open & ~(close >> 1);                                                                 \
        int64_t deep = depth;                                                                                          \
        for (uint64_t rest = close & ~(open << 1); rest != 0; rest &= rest - 1)                                        \
            if (--deep + __builtin_popcountll(opening & ((rest & -rest) - 1)) == 0)                                    \
                return offset + (size_t)__builtin_ctzll(rest) + 1;                                                     \
    }                                                                                                                  \
    depth += __builtin_popcountll(open) - closes

// Brackets and backslashes (and '|'), and no other bytes, are −128…−126 as signed numbers when 5 is added to them, bit
// 0x20 set: '[' and '{', and ']' and '}', differ in that bit only.
#define CLINUX_MARKED(half) ((clinux_signed32)(((half) | 0x20) + 5))

// A block without such bytes, half of those of a usual body, only changes by its number of quotes whether the next one
// begins inside a string. The last bytes are copied to a block of their own, with zeros behind them. An escaped byte that
// begins the next block is left out of it when that makes a difference, so that no block depends on the one before it in
// more than the depth and whether it begins inside a string.
#define CLINUX_JSON_CLOSE(name, attribute, prefix_xor, any_high)                                                       \
    static attribute size_t name(const uint8_t *text, size_t count, size_t offset, clinux_wide *wide) {                \
        uint8_t tail[128];                                                                                             \
        size_t last = count - 64;                                                                                      \
        uint64_t in_string = 0;                                                                                        \
        int64_t depth = 1;                                                                                             \
        wide->first = wide->end = 0;                                                                                   \
        for (;; offset += 64) {                                                                                        \
            if (__builtin_expect(offset > last, 0)) {                                                                  \
                if (offset >= count) return 0;                                                                         \
                *(clinux_bytes64 *)tail = *(const clinux_bytes64 *)(text + last);                                      \
                *(clinux_bytes64 *)(tail + 64) = (clinux_bytes64){0};                                                  \
                text = tail - last;                                                                                    \
                last = offset;                                                                                         \
            }                                                                                                          \
            const clinux_bytes32 left = *(const clinux_bytes32 *)(text + offset);                                      \
            const clinux_bytes32 right = *(const clinux_bytes32 *)(text + offset + 32);                                \
            const clinux_signed32 left_marked = CLINUX_MARKED(left), right_marked = CLINUX_MARKED(right);              \
            const clinux_signed32 marked = __builtin_elementwise_min(left_marked, right_marked) < -125;                \
            const clinux_bytes32 high = left | right;                                                                  \
            if (!any_high((clinux_bytes32)marked | high)) {                                                            \
                in_string ^= (uint64_t)__builtin_popcount(CLINUX_GATHER32(((left == '"') ^ (right == '"')) != 0));     \
                continue;                                                                                              \
            }                                                                                                          \
            if (__builtin_expect(any_high(high), 0)) {                                                                 \
                if (wide->end == 0) wide->first = offset;                                                              \
                wide->end = offset + 64;                                                                               \
            }                                                                                                          \
            const uint64_t quote = CLINUX_GATHER_HALVES(left == '"', right == '"');                                    \
            const clinux_signed32 left_other = left_marked == -127, right_other = right_marked == -127;                \
            if (__builtin_expect(any_high((clinux_bytes32)(left_other | right_other)), 0)) {                           \
                uint64_t carry;                                                                                        \
                const uint64_t backslash = CLINUX_GATHER_HALVES(left == '\\', right == '\\');                          \
                const uint64_t escaped = clinux_json_escaped(backslash, &carry);                                       \
                CLINUX_JSON_BRACKETS(prefix_xor, quote & ~escaped, ~CLINUX_GATHER_HALVES(left_other, right_other));    \
                if (carry != 0 && offset + 64 < count)                                                                 \
                    offset += text[offset + 64] == '"' || text[offset + 64] == '\\';                                   \
            } else {                                                                                                   \
                CLINUX_JSON_BRACKETS(prefix_xor, quote, ~(uint64_t)0);                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }

// Whether any byte has the high bit set.
#define CLINUX_ANY_HIGH_BASELINE(bytes) (CLINUX_HIGH32(bytes) != 0)
#define CLINUX_ANY_HIGH_AVX2(bytes)                                                                                    \
    (!__builtin_ia32_ptestz256((clinux_words32)(bytes), (clinux_words32)((clinux_bytes32){0} + 0x80)))

CLINUX_JSON_CLOSE(clinux_json_close_baseline, __attribute__((unused)), clinux_prefix_xor_baseline,
                  CLINUX_ANY_HIGH_BASELINE)
#if defined(__x86_64__)
CLINUX_JSON_CLOSE(clinux_json_close_avx2, CLINUX_AVX2 __attribute__((unused)), clinux_prefix_xor_avx2,
                  CLINUX_ANY_HIGH_AVX2)

// Whether this processor runs clinux_json_close_avx2.
static inline int clinux_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul");
}
#endif

// The first byte at or after `offset` with the high bit set, or `count`. `count` is at least 64; the last bytes are read
// as the end of the 64 bytes before the text's end.
#define CLINUX_SKIP_ASCII(name, attribute)                                                                             \
    static attribute size_t name(const uint8_t *text, size_t count, size_t offset) {                                   \
        for (; count - offset >= 64; offset += 64) {                                                                   \
            const uint64_t found = CLINUX_GATHER(*(const clinux_bytes64 *)(text + offset) >= 0x80);                    \
            if (found != 0) return offset + (size_t)__builtin_ctzll(found);                                            \
        }                                                                                                              \
        if (offset == count) return count;                                                                             \
        const uint64_t keep = ~(uint64_t)0 << (64 - (count - offset));                                                 \
        const uint64_t found = CLINUX_GATHER(*(const clinux_bytes64 *)(text + count - 64) >= 0x80) & keep;             \
        return found != 0 ? count - 64 + (size_t)__builtin_ctzll(found) : count;                                       \
    }

CLINUX_SKIP_ASCII(clinux_skip_ascii_baseline, __attribute__((unused)))
#if defined(__x86_64__)
CLINUX_SKIP_ASCII(clinux_skip_ascii_avx2, CLINUX_AVX2 __attribute__((unused)))
#endif

static inline size_t clinux_skip_ascii(const uint8_t *text, size_t count, size_t offset) {
#if defined(__x86_64__)
    if (__builtin_expect(clinux_has_avx2(), 1)) return clinux_skip_ascii_avx2(text, count, offset);
#endif
    return clinux_skip_ascii_baseline(text, count, offset);
}

// How far the first byte that is special in a JSON string (a quote, a backslash or a control character) is from `text`,
// 16 when none of its 16 bytes is one.
static inline unsigned clinux_special_within_16(const uint8_t *text) {
    const clinux_bytes16 bytes = *(const clinux_bytes16 *)text;
    const clinux_bits16 found =
        __builtin_convertvector((bytes == '"') | (bytes == '\\') | (bytes < 0x20), clinux_bits16);
    uint16_t mask;
    __builtin_memcpy(&mask, &found, 2);
    return (unsigned)__builtin_ctz(mask | 0x10000u);
}

// How far the first quote is from `text`, 32 when none of its 32 bytes is one.
static inline unsigned clinux_quote_within_32(const uint8_t *text) {
    const uint32_t quotes = CLINUX_GATHER32(*(const clinux_bytes32 *)text == '"');
    return quotes == 0 ? 32 : (unsigned)__builtin_ctz(quotes);
}

// Where the JSON object or array ends whose opening bracket stands before `offset`: just past the bracket that closes
// it, or 0 when the text ends first. Brackets of both kinds count alike. `count` is at least 64, `offset` at most
// `count`; nothing outside of the text is read. `wide` is set to where bytes from `offset` to the end are not ASCII; its
// `end` may lie beyond the text's.
static inline size_t clinux_json_close(const uint8_t *text, size_t count, size_t offset, clinux_wide *wide) {
#if defined(__x86_64__)
    if (__builtin_expect(clinux_has_avx2(), 1)) return clinux_json_close_avx2(text, count, offset, wide);
#endif
    return clinux_json_close_baseline(text, count, offset, wide);
}

#endif
