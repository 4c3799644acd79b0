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
typedef int8_t clinux_signed32 __attribute__((vector_size(32)));
typedef _Bool clinux_bits64 __attribute__((ext_vector_type(64)));
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

// The bytes of a block that follow an odd run of backslashes. A run is odd when the carry of adding its first bit to it
// comes out at a distance of odd length, which the position's parity tells for runs that begin on odd positions.
CLINUX_INLINE uint64_t clinux_json_escaped(uint64_t backslash, uint64_t carry, uint64_t *carry_out) {
    const uint64_t even = 0x5555555555555555;
    backslash &= ~carry;
    const uint64_t follows = backslash << 1, odd_starts = backslash & ~even & ~follows;
    uint64_t sum;
    *carry_out = __builtin_add_overflow(odd_starts, backslash, &sum);
    return ((even ^ sum << 1) & follows) | carry;
}

// Whether a comparison of 32 bytes found any.
#define CLINUX_ANY(comparison)                                                                                         \
    ({                                                                                                                 \
        const clinux_bits32 found = __builtin_convertvector(comparison, clinux_bits32);                                \
        uint32_t mask;                                                                                                 \
        __builtin_memcpy(&mask, &found, 4);                                                                            \
        mask;                                                                                                          \
    })

// One block at `offset`. Leaves the function with the end of the container when it is in this block. The first `ignored`
// bytes count as not there.
#define CLINUX_JSON_BLOCK(prefix_xor, ignored)                                                                         \
    const uint64_t keep = ~(uint64_t)0 << (ignored);                                                                   \
    const clinux_bytes64 bytes = *(const clinux_bytes64 *)(text + offset);                                             \
    const clinux_bytes32 low = *(const clinux_bytes32 *)(text + offset);                                               \
    const clinux_bytes32 high = *(const clinux_bytes32 *)(text + offset + 32);                                         \
    uint64_t quote = CLINUX_GATHER(bytes == '"') & keep;                                                               \
    /* Asking whether there is a backslash is cheaper than asking where, and most blocks have none. */                 \
    if (__builtin_expect((CLINUX_ANY((low == '\\') | (high == '\\')) | (uint32_t)escaped) != 0, 0)) {                  \
        const uint64_t backslash = CLINUX_GATHER(bytes == '\\') & keep;                                                \
        quote &= ~clinux_json_escaped(backslash, escaped << (ignored), &escaped);                                      \
    }                                                                                                                  \
    const uint64_t inside = prefix_xor(quote) ^ in_string;                                                             \
    in_string = (uint64_t)((int64_t)inside >> 63);                                                                     \
    /* '[' and '{', and ']' and '}', differ in bit 0x20 only: one compare finds both kinds. */                         \
    const clinux_bytes64 folded = bytes | 0x20;                                                                        \
    const uint64_t open = CLINUX_GATHER(folded == '{') & keep & ~inside;                                               \
    const uint64_t close = CLINUX_GATHER(folded == '}') & keep & ~inside;                                              \
    const int64_t closes = __builtin_popcountll(close);                                                                \
    depth -= closes;                                                                                                   \
    if (__builtin_expect(depth <= 0, 0)) {                                                                             \
        /* The closing bracket that ends it has as many opened before it, and the depth, as closed with it. */         \
        int64_t left = depth + closes;                                                                                 \
        uint64_t rest = close;                                                                                         \
        do {                                                                                                           \
            if (--left + __builtin_popcountll(open & ((rest & -rest) - 1)) == 0)                                       \
                return offset + (size_t)__builtin_ctzll(rest) + 1;                                                     \
            rest &= rest - 1;                                                                                          \
        } while (rest != 0);                                                                                           \
    }                                                                                                                  \
    depth += __builtin_popcountll(open);

// Brackets and backslashes, and no other bytes, are −128…−126 as signed numbers when 5 is added to them, bit 0x20 set.
#define CLINUX_MARKED(half) ((clinux_signed32)(((half) | 0x20) + 5))

// Half of the blocks of a usual body have neither: they only change, by their number of quotes, whether the next block
// begins inside a string. Leaving them early saves an eighth of the time, wrong guesses of the processor included.
// The last bytes are read as the end of the 64 bytes before the text's end, so that nothing has to be copied.
#define CLINUX_JSON_CLOSE(name, attribute, prefix_xor)                                                                 \
    static attribute size_t name(const uint8_t *text, size_t count, size_t offset) {                                   \
        const size_t last = count - 64;                                                                                \
        uint64_t in_string = 0, escaped = 0;                                                                           \
        int64_t depth = 1;                                                                                             \
        for (; offset <= last; offset += 64) {                                                                         \
            const clinux_bytes32 left = *(const clinux_bytes32 *)(text + offset);                                      \
            const clinux_bytes32 right = *(const clinux_bytes32 *)(text + offset + 32);                                \
            const clinux_signed32 marked = __builtin_elementwise_min(CLINUX_MARKED(left), CLINUX_MARKED(right));       \
            if ((CLINUX_ANY(marked < -125) | (uint32_t)escaped) == 0) {                                                \
                const clinux_bytes64 both = *(const clinux_bytes64 *)(text + offset);                                  \
                in_string ^= -(uint64_t)(__builtin_popcountll(CLINUX_GATHER(both == '"')) & 1);                        \
                continue;                                                                                              \
            }                                                                                                          \
            CLINUX_JSON_BLOCK(prefix_xor, 0)                                                                           \
        }                                                                                                              \
        if (offset == count) return 0;                                                                                 \
        const size_t seen = 64 - (count - offset);                                                                     \
        offset = last;                                                                                                 \
        CLINUX_JSON_BLOCK(prefix_xor, seen)                                                                            \
        return 0;                                                                                                      \
    }

CLINUX_JSON_CLOSE(clinux_json_close_baseline, __attribute__((unused)), clinux_prefix_xor_baseline)
#if defined(__x86_64__)
CLINUX_JSON_CLOSE(clinux_json_close_avx2, CLINUX_AVX2 __attribute__((unused)), clinux_prefix_xor_avx2)

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

// Where the JSON object or array ends whose opening bracket stands before `offset`: just past the bracket that closes
// it, or 0 when the text ends first. Brackets of both kinds count alike. `count` is at least 64, `offset` at most
// `count`; nothing outside of the text is read.
static inline size_t clinux_json_close(const uint8_t *text, size_t count, size_t offset) {
#if defined(__x86_64__)
    if (__builtin_expect(clinux_has_avx2(), 1)) return clinux_json_close_avx2(text, count, offset);
#endif
    return clinux_json_close_baseline(text, count, offset);
}

#endif
