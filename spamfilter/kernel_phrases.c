/* The compiled kernel: what the words of a stretch and those at its edges say. See kernel_spans.h. */

#include "kernel_spans.h"

/* ---- span_phrases.py ---- */

static inline uint32_t hashed(uint32_t total, uint32_t part) { return total * 0x85EBCA6Bu + part; }

static inline uint32_t phrase_row(uint32_t total) { return mix(total) >> (32 - PHRASE_BITS); }

#define SALT 0x27D4EB2Fu

static uint32_t beginning_of(const uint32_t *chars, int64_t begin, int64_t end)
{
    uint32_t total = 0;
    for (int64_t i = begin; i < begin + 4; i++)
        total = total * 0x01000193u + (i < end ? chars[i] & CODE : 0);
    return mix(total);
}

/* The weights of what stands in a stretch. */
static int64_t content_sum(const span_model *model, line_piece *piece, stretch own)
{
    const int32_t *const table = model->contents;
    int64_t sum = 0;
    for (int64_t i = own.first; i <= own.last; i++) {
        if (!piece->has_contents[i]) {
            /* No stretch holds the last token of a piece. */
            const uint32_t hash = piece->hashes[i], following = piece->hashes[i + 1];
            const uint32_t beginning = beginning_of(piece->chars, piece->begins[i], piece->ends[i]);
            piece->token_contents[i] = (int64_t)table[phrase_row(hashed(SALT, hash))] +
                                       table[phrase_row(hashed(2 * SALT, beginning))] +
                                       table[phrase_row(hashed(3 * SALT, piece->endings[i]))];
            piece->pair_contents[i] = table[phrase_row(hashed(hashed(4 * SALT, hash), following))];
            piece->has_contents[i] = 1;
        }
        sum += piece->token_contents[i] + (i < own.last ? piece->pair_contents[i] : 0);
    }
    return sum;
}

enum { EDGE_FEATURES = 17, BEFORE2 = 0, BEFORE, FIRST, SECOND, LAST2, LAST, BEHIND, BEHIND2, PLACES };
enum { WORD_AT = 0, ENDING_AT = PLACES, SHAPE_AT = 2 * PLACES };

/* EDGE_FEATURES: how many terms, then the terms. */
static const uint8_t edge_features[EDGE_FEATURES][5] = {
    {1, WORD_AT + BEFORE},
    {1, WORD_AT + BEHIND},
    {2, WORD_AT + BEFORE, WORD_AT + BEHIND},
    {2, WORD_AT + BEFORE, WORD_AT + FIRST},
    {2, WORD_AT + LAST, WORD_AT + BEHIND},
    {3, WORD_AT + BEFORE2, WORD_AT + BEFORE, WORD_AT + BEHIND},
    {1, WORD_AT + FIRST},
    {1, WORD_AT + LAST},
    {2, ENDING_AT + BEFORE, WORD_AT + BEHIND},
    {2, ENDING_AT + BEFORE, ENDING_AT + BEHIND},
    {2, WORD_AT + FIRST, WORD_AT + SECOND},
    {2, WORD_AT + LAST2, WORD_AT + LAST},
    {3, WORD_AT + BEFORE, WORD_AT + BEHIND, WORD_AT + BEHIND2},
    {2, WORD_AT + BEFORE, ENDING_AT + BEHIND},
    {3, SHAPE_AT + BEFORE2, SHAPE_AT + BEFORE, SHAPE_AT + FIRST},
    {3, SHAPE_AT + LAST, SHAPE_AT + BEHIND, SHAPE_AT + BEHIND2},
    {4, SHAPE_AT + BEFORE, SHAPE_AT + FIRST, SHAPE_AT + LAST, SHAPE_AT + BEHIND},
};

static int64_t edge_sum(const span_model *model, const line_piece *piece, stretch own)
{
    const int32_t *const table = model->contents + ((int64_t)1 << PHRASE_BITS);
    const int64_t high = piece->size - 1;
    const int64_t at[PLACES] = {most(own.first - 2, 0),
                                most(own.first - 1, 0),
                                own.first,
                                least(own.first + 1, own.last),
                                most(own.last - 1, own.first),
                                own.last,
                                least(own.last + 1, high),
                                least(own.last + 2, high)};
    uint32_t terms[3 * PLACES];
    int64_t sum = 0;
    for (int place = 0; place < PLACES; place++) {
        terms[WORD_AT + place] = piece->hashes[at[place]];
        terms[ENDING_AT + place] = piece->endings[at[place]];
        terms[SHAPE_AT + place] = piece->shapes[at[place]];
    }
    for (uint32_t feature = 0; feature < EDGE_FEATURES; feature++) {
        const uint8_t *const parts = edge_features[feature];
        uint32_t total = (101 + feature) * SALT;
        for (int part = 1; part <= parts[0]; part++)
            total = hashed(total, terms[parts[part]]);
        sum += table[phrase_row(total)];
    }
    return sum;
}

/* `PhraseModel.score`: the log-odds; what the contents say goes to `contents`. */
double phrase_score(const span_model *model, line_piece *piece, stretch own, double *contents)
{
    const double root = sqrt((double)(4 * (own.last - own.first) + 3));
    const double inside = (double)content_sum(model, piece, own) / root;
    *contents = inside / model->phrase_scale;
    const double score = inside + (double)edge_sum(model, piece, own) * model->edge_weight;
    return score / model->phrase_scale + model->phrase_bias;
}

