/* What the parts of the compiled kernel share: kernel.c (text, tokens and the line model), kernel_lines.c (lines on their
 * pages) and kernel_spans.c (stretches of lines).
 *
 * Plain C99 over pointers and sizes, called by kernel.py through ctypes. The numpy functions that call it are the
 * reference: they say what is computed and why. Here stands how, one token or line after the other, so that what
 * numpy writes to memory between two steps stays in registers.
 *
 * Hashes and packed sums wrap around, hence unsigned arithmetic. Floats: single IEEE operations in numpy's order;
 * logarithms and exponentials stay in numpy. Signed numbers are only shifted to the right, which all compilers that
 * the build takes do with the sign.
 */

#ifndef SPAMFILTER_KERNEL_H
#define SPAMFILTER_KERNEL_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "floats must be computed in their own precision: without the kernel numpy does the work"
#endif

#define KERNEL_VERSION 4 /* with VERSION in kernel.py: raise both when a function or its arguments change */

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)0)
#endif

enum { KIND_WORD = 1, KIND_SOLO = 2, KIND_MARK = 4, KIND_LINE_END = 8 };
enum { FIELD_BITS = 21, TOKEN_LIMIT = 8191, SPAM_LIMIT = 4096 };

#define BASE 0x9E3779B1u
#define INVERSE_BASE 0x0E8B2F51u /* BASE times this is 1 */
#define CODE 0xFFFFu
#define UPPER (1u << 19)
#define DIGIT (1u << 20)
#define MARK (1u << 18)
#define SOLO (1u << 17)
#define DROPPED (1u << 21)
#define STOP (1u << 22)
#define SCRIPT_SHIFT 24
#define NEWLINE 10u
#define FIELD_HALF ((uint64_t)1 << (FIELD_BITS - 1))
#define FIELD_MASK (((uint64_t)1 << FIELD_BITS) - 1)

static inline uint32_t mix(uint32_t h)
{
    h ^= h >> 16;
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    return h;
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- packed fields: line_model.py, span_tokens.py ---- */

static inline int64_t low_field(uint64_t packed)
{
    return (int64_t)((packed & FIELD_MASK) ^ FIELD_HALF) - (int64_t)FIELD_HALF;
}

static inline int64_t middle_field(uint64_t packed) { return low_field((packed + FIELD_HALF) >> FIELD_BITS); }

static inline int64_t high_field(uint64_t packed)
{
    return (int64_t)(packed + FIELD_HALF + (FIELD_HALF << FIELD_BITS)) >> (2 * FIELD_BITS);
}

static inline uint32_t row_of_pair(uint32_t left, uint32_t right, int32_t bits)
{
    return mix(left * BASE + right) >> (32 - bits);
}

/* In the order in which LineModel gives them. */
typedef struct {
    const uint64_t *part_table;
    const uint64_t *pair_table;
    const uint32_t *vocabulary;
    const uint64_t *vocabulary_words;
    const double *bias; /* (5,) */
    double scale;
    int64_t orders; /* bit i stands for n-grams of i characters */
    int64_t part_bits, pair_bits, slot_bits;
} line_model;

/* ---- floats ---- */

#define UNIT 4096.0

/* Half to even, as numpy's rint; it keeps the sign of a zero. Exact where the number is below 2**51. */
static inline double rounded(double value)
{
    const double size = fabs(value);
    return size < 0x1p51 ? copysign((size + 0x1.8p52) - 0x1.8p52, value) : value;
}

/* To multiples of 1/256, likewise: numbers of the size of 2**44 are. Exact where the number is below 2**43. No branch, so
 * that loops over it are laid out for vectors. */
static inline double grained(double value) { return copysign((fabs(value) + 0x1.8p44) - 0x1.8p44, value); }

static inline double limited(double value, double limit)
{
    value = value > -limit ? value : -limit;
    return value < limit ? value : limit;
}

static inline double larger(double a, double b) { return a > b ? a : b; }

#endif
