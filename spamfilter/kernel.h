/* What the parts of the compiled kernel share: kernel.c (text and tokens), kernel_words.c (the line model), kernel_lines.c
 * (lines on their pages), kernel_context.c (numbers of both looks at them), kernel_stretches.c, kernel_phrases.c and
 * kernel_spans.c (stretches of lines, which share kernel_spans.h as well), kernel_pages.c (verdicts) and kernel_batch.c
 * (all of a batch).
 *
 * Plain C99 over pointers and sizes, called by kernel.py through ctypes. The numpy functions are the reference: they say
 * what is computed and why. Here stands how, one token or line after the other, so that what numpy writes to memory
 * between two steps stays in registers.
 *
 * Hashes and packed sums wrap around, hence unsigned arithmetic. Floats: single IEEE operations in numpy's order. Signed
 * numbers are only shifted to the right, which all compilers that the build takes do with the sign.
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

#define KERNEL_VERSION 8 /* with VERSION in kernel.py: raise both when a function or its arguments change */

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

/* ---- elementary.py ---- */

/* Its tables and constants, in the order in which pipeline.py gives them. */
typedef struct {
    const double *powers, *inverses, *logarithms;
    const double *of_counts; /* (1024,), of 1 and each place */
    double parts_per_e, part_high, part_low, log_2;
} elementary_tables;

static inline double exponential(const elementary_tables *of, double value)
{
    const double magic = 0x1.8p52; /* numbers of this size are whole: to add it rounds half to even */
    const double lifted = limited(value, 700) * of->parts_per_e + magic, parts = lifted - magic;
    const double rest = (limited(value, 700) - parts * of->part_high) - parts * of->part_low;
    int64_t whole, first;
    memcpy(&whole, &lifted, sizeof whole);
    memcpy(&first, &magic, sizeof first);
    whole -= first;
    const double power = of->powers[whole & 63];
    const uint64_t bits = (uint64_t)((whole >> 6) + 1023) << 52;
    double result = rest * (1.0 / 120) + 1.0 / 24, scale;
    result = (result * rest + 1.0 / 6) * rest + 0.5;
    result = (result * rest + 1) * rest;
    memcpy(&scale, &bits, sizeof scale);
    return (result * power + power) * scale;
}

static inline double logarithm(const elementary_tables *of, double value)
{
    uint64_t bits;
    double rest;
    memcpy(&bits, &value, sizeof bits);
    const uint64_t place = (bits >> 45) & 127;
    const double exponent = (double)((int64_t)(bits >> 52) - 1023);
    bits = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1023 << 52;
    memcpy(&rest, &bits, sizeof rest);
    rest = rest * of->inverses[place] - 1;
    double result = rest * (1.0 / 7) - 1.0 / 6;
    result = (result * rest + 1.0 / 5) * rest - 1.0 / 4;
    result = (result * rest + 1.0 / 3) * rest - 1.0 / 2;
    result = (result * rest + 1) * rest;
    return (result + of->logarithms[place]) + exponent * of->log_2;
}

static inline double logarithm_1p(const elementary_tables *of, double value) { return logarithm(of, value + 1); }

/* Of 1 and a whole number. */
static inline double logarithm_of_count(const elementary_tables *of, int64_t count)
{
    return count < 1024 ? of->of_counts[count] : logarithm_1p(of, (double)count);
}

static inline double log_add_exp(const elementary_tables *of, double a, double b)
{
    return larger(a, b) + logarithm_1p(of, exponential(of, -fabs(a - b)));
}

/* ---- what the parts offer each other; see there ---- */

typedef struct span_model span_model;

enum { LABELS = 6, CLEAN = 0, SEO, LINK, HEADLINE, TEMPLATE, BOILERPLATE };
enum { CONTEXT_NUMBERS = 89, SECOND_NUMBERS = 33, SPAN_NUMBERS = 52, SPAN_PAGE_NUMBERS = 24, DOCUMENT_NUMBERS = 4 };
enum { NEAR_NUMBERS = 8, PAGE_NUMBERS = 11 };


/* Lines and tokens of a batch, as text.py and tokens.py have them. The first line begins behind a line end. */
typedef struct {
    int64_t lines, tokens, documents;
    const uint32_t *chars;
    const int64_t *line_ends, *document_lines;
    int64_t *begins, *ends, *line_tokens;
    uint8_t *kinds;
    uint32_t *hashes, *firsts;
    uint64_t *words; /* two a token: packed weights */
} token_batch;

/* Lines that are not blank: what page_features.py, line_facts.py and relatedness.py know of them. */
typedef struct {
    int64_t rows, pages;
    int64_t *lines, *edges, *documents, *starts, *stops;
    int64_t *counts, *widths, *digits_and_marks, *solos, *capitals, *latins, *words, *sentences;
    double *logits;        /* (5, rows) */
    double *shown;         /* (6, rows), the last of them logarithms of widths */
    double *margin, *strongest, *related, *not_latin;
    int64_t *sums;         /* (rows, 6) */
    int64_t *run, *place;
    int64_t *units;        /* (NEAR_NUMBERS, rows) */
    int64_t *running;      /* (NEAR_NUMBERS, rows + 1) */
    int64_t *addends;      /* (PAGE_NUMBERS, rows) */
    int64_t *totals;       /* (PAGE_NUMBERS, pages) */
    int64_t *word_running; /* (tokens + 1,) */
    uint8_t *idf, *unrelated;
} page_rows;

/* Log-odds of spam of either kind, from probabilities: `spam_margin` without its limit. */
static inline double spam_odds(const elementary_tables *of, const double *shown)
{
    return logarithm(of, (shown[SEO] + shown[LINK]) / (shown[CLEAN] + shown[BOILERPLATE]));
}

/* What the second look reads, second_look.py. */
typedef struct {
    double *columns;  /* (6, rows) */
    double *margin;
    int64_t *addends; /* (12, rows) */
    int64_t *totals;  /* (12, pages) */
    int64_t *running; /* (2, rows + 1) */
} second_rows;

void tokenize(const uint32_t *chars, int64_t count, int64_t *begins, int64_t *ends, uint8_t *kinds, uint32_t *hashes,
              uint32_t *firsts, int64_t *line_tokens);
void line_words(const line_model *model, const uint32_t *chars, const int64_t *begins, const int64_t *ends,
                const uint8_t *kinds, const uint32_t *hashes, int64_t count, uint64_t *words);
void line_scores(const line_model *model, const uint64_t *words, const int64_t *line_tokens, int64_t lines,
                 double *logits, double *strongest, int64_t *sums);
int64_t find_spans(const span_model *model, const line_model *line, const uint32_t *chars, const int64_t *begins,
                   const int64_t *ends, const uint8_t *kinds, const uint32_t *hashes, const uint32_t *firsts,
                   const uint64_t *words, const int64_t *running, const int64_t *line_tokens, const int64_t *lines,
                   int64_t count, int64_t room, int64_t *next, int64_t *candidate_lines, int64_t *candidate_firsts,
                   int64_t *candidate_lasts, double *numbers);
double span_odds(const span_model *model, const double *numbers);

void look_at_lines(const token_batch *batch, const elementary_tables *of, const double *logits, const double *strongest,
                   const int64_t *sums, const uint8_t *idf, int64_t body_width, uint8_t *body, page_rows *rows);
void strongest_tokens(const token_batch *batch, const elementary_tables *of, const page_rows *rows, int64_t row, double scale,
                      double *result);
void page_totals(const int64_t *values, int64_t count, int64_t rows, const int64_t *edges, int64_t pages, int64_t *totals);
void sum_behind(const int64_t *values, int64_t count, int64_t rows, int64_t *running);

void context_numbers(const page_rows *rows, const elementary_tables *of, int64_t row, double scale, const double *levels,
                     double *values);
void add_first_look(const page_rows *rows, const elementary_tables *of, int64_t row, const double *logs,
                    const double *shown, second_rows *second);
void sum_first_look_up(const page_rows *rows, second_rows *second);
void second_numbers(const page_rows *rows, const second_rows *second, const elementary_tables *of, int64_t row,
                    double *values);


/* What stage 2 found of pages, page_sums.py: an array of each, (pages,). */
typedef struct {
    double *headlines, *margins[3], *strongest[2], *residue;
    int64_t *opening;
} page_findings;

/* Stretches that were found: the tokens and the rows that they stand in, their log-odds; ascending. */
typedef struct {
    int64_t count;
    int64_t *rows, *first, *last;
    double *odds;
} found_spans;

void softmax(const elementary_tables *of, double *logits, double *shown);
void let_pages_speak(const page_rows *rows, const elementary_tables *of, const double *speaks, double *columns,
                     double *shown, double *margin);
void sum_pages_up(const page_rows *rows, const elementary_tables *of, const double *shown, const double *margin,
                  int64_t body_width, page_findings *findings);
void judge_spans(const page_rows *rows, const elementary_tables *of, const double *columns, const page_findings *findings,
                 const double *weights, double bias, found_spans *spans);
void judge_pages(const page_rows *rows, const elementary_tables *of, const page_findings *findings, const found_spans *spans,
                 const double *weights, const double *bias, double *logits);

#endif
