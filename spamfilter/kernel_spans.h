/* What the parts of the span stage share: kernel_stretches.c (boundaries scored, stretches and rivals proposed),
 * kernel_phrases.c (what their words say) and kernel_spans.c (stretches described and chosen).
 *
 * Piece by piece: all that is known of one lies in a few arrays that stay in the cache. Of the rest of a batch only the
 * stretches that were chosen are kept.
 */

#ifndef SPAMFILTER_KERNEL_SPANS_H
#define SPAMFILTER_KERNEL_SPANS_H

#include "kernel.h"

enum { PIECE_TOKENS = 200, MARGIN = 4, ROOM = PIECE_TOKENS + 2 * MARGIN, SPAN_BITS = 18, PHRASE_BITS = 18 };
enum { FEATURES = 12, SIGNAL_REACH = 4, SUMS = 5, MOST_ROUNDS = 8, MOST_EDGES = 8 };

/* In the order in which SpanModel gives them. */
struct span_model {
    const uint64_t *table;     /* (2**SPAN_BITS,) */
    const double *taps;        /* (17, 3), of `numeric_taps` */
    const int64_t *bias;       /* (3,) */
    const int32_t *contents;   /* (2, 2**PHRASE_BITS), of contents and of edges */
    const double *candidates;  /* (SPAN_NUMBERS,), weights of the log-odds */
    const int64_t *places;     /* (bent,), number that each knot of the log-odds belongs to */
    const double *knots;       /* (bent,) */
    const double *bends;       /* (bent,) */
    const double *choice;      /* (SPAN_NUMBERS,) */
    const double *logarithms;  /* (ROOM + 1,), log1p of the places */
    const uint8_t *is_opening; /* (2**16,), whether a character is an opening bracket */
    double candidates_bias, choice_bias, scale, phrase_scale, phrase_bias, edge_weight, least_score, least_odds;
    int64_t rounds, edges, reach, longest_rival, bent;
};

/* A piece of a line: its tokens with a margin. Pointers are to its first token. */
typedef struct {
    int64_t size, free_from, free_stop;
    const int64_t *begins, *ends, *running;
    const uint8_t *kinds;
    const uint32_t *chars, *hashes, *firsts;
    const uint64_t *words; /* two a token */
    uint32_t endings[ROOM], shapes[ROOM];
    int64_t strange[ROOM], start[ROOM], end[ROOM], inside[ROOM];
    /* Only if a stretch is found: running sums, and the weights of the contents of tokens and pairs. */
    uint64_t sums[ROOM + 1][SUMS];
    uint8_t has_sums, has_contents[ROOM];
    int32_t pair_contents[ROOM];
    int64_t token_contents[ROOM];
} line_piece;

typedef struct {
    int64_t first, last;
} stretch;

/* ---- span_tokens.py ---- */

static inline int64_t pair_strangeness(const line_model *line, uint32_t row)
{
    return (int64_t)(line->pair_table[2 * (uint64_t)row + 1] + (FIELD_HALF << FIELD_BITS)) >> (2 * FIELD_BITS);
}

/* Rows of the features of the boundary before a token, BOUNDARY_FEATURES. `at`: places of the tokens at the offsets -2 to
 * 1. gap: whether a space parts the two in the middle. */
static inline void feature_rows(const uint32_t *hashes, const uint32_t *endings, const uint32_t *shapes,
                                const int64_t *at, uint32_t gap, uint32_t *rows)
{
    uint32_t word[4], ending[4], shape[4];
    for (int place = 0; place < 4; place++) {
        const uint32_t factor = 0x85EBCA6Bu * (2 * (uint32_t)place + 5);
        word[place] = hashes[at[place]] * factor;
        ending[place] = endings[at[place]] * factor;
        shape[place] = shapes[at[place]] * factor;
    }
    rows[0] = shape[1] + shape[2];
    rows[1] = shape[0] + shape[1] + shape[2] + shape[3];
    rows[2] = word[1] + word[2];
    rows[3] = word[0] + word[2];
    rows[4] = word[1] + word[3];
    rows[5] = word[1] + ending[2];
    rows[6] = ending[1] + word[2];
    rows[7] = ending[1] + ending[2];
    rows[8] = ending[0] + ending[2];
    rows[9] = ending[1] + ending[3];
    rows[10] = ending[0] + ending[1] + ending[2];
    rows[11] = ending[1] + ending[2] + ending[3];
    for (uint32_t feature = 0; feature < FEATURES; feature++)
        rows[feature] = mix(rows[feature] + gap * 0x27D4EB2Fu + 12 + feature) >> (32 - SPAN_BITS);
}

/* ---- what the parts offer each other; see there ---- */

void look_at_tokens(const line_model *line, line_piece *piece);
void boundary_scores(const span_model *model, const double (*padded)[4], line_piece *piece);
int64_t best_stretches(const span_model *model, const line_piece *piece, stretch *found);
int64_t rivals_of(const span_model *model, const line_piece *piece, stretch own, stretch *found);
double phrase_score(const span_model *model, line_piece *piece, stretch own, double *contents);

#endif
