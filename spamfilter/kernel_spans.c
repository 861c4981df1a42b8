/* The compiled kernel: foreign stretches of lines. See kernel.h.
 *
 * Piece by piece: all that is known of one lies in a few arrays that stay in the cache. Of the rest of a batch only the
 * stretches that were chosen are kept.
 */

#include "kernel.h"

enum { PIECE_TOKENS = 200, MARGIN = 4, ROOM = PIECE_TOKENS + 2 * MARGIN, SPAN_BITS = 18, PHRASE_BITS = 18 };
enum { FEATURES = 12, SPAN_BLOCK = 32, SIGNAL_REACH = 4, NEIGHBOURHOOD = 60, SUMS = 5 };
enum { MOST_ROUNDS = 8, MOST_EDGES = 8 };

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

/* ---- span_tokens.py: what is known of each token ---- */

static uint32_t ending_of(const uint32_t *chars, int64_t begin, int64_t end)
{
    uint32_t total = chars[end - 1] & CODE;
    for (int64_t back = 2; back <= 3; back++) {
        total *= 0x01000193u;
        if (end - back >= begin)
            total += chars[end - back] & CODE;
    }
    return mix(total);
}

static uint32_t shape_of(uint8_t kind, uint32_t first, uint32_t last, int64_t length)
{
    uint32_t shape;
    if (kind == KIND_MARK)
        shape = (1u << 16) + (first & CODE);
    else if (kind == KIND_LINE_END)
        shape = 1u << 17;
    else
        shape = ((uint32_t)kind << 8) + ((first >> SCRIPT_SHIFT) << 4) + (first / UPPER & 1) + (first / (DIGIT / 4) & 4) +
                (length > 1 ? last / (UPPER / 2) & 2 : 0);
    return mix(shape + 77);
}

static int64_t pair_strangeness(const line_model *line, uint32_t row)
{
    return (int64_t)(line->pair_table[2 * (uint64_t)row + 1] + (FIELD_HALF << FIELD_BITS)) >> (2 * FIELD_BITS);
}

/* Endings, shapes, and how strange each token is behind the one before it. */
static void look_at_tokens(const line_model *line, line_piece *piece)
{
    const int64_t size = piece->size;
    /* Rows first, so that the reads wait for memory together. */
    for (int64_t i = 1; i < size; i++) {
        piece->strange[i] = row_of_pair(piece->hashes[i - 1], piece->hashes[i], (int32_t)line->pair_bits);
        FETCH(line->pair_table + 2 * piece->strange[i] + 1);
    }
    for (int64_t i = 0; i < size; i++) {
        const int64_t begin = piece->begins[i], end = piece->ends[i];
        piece->endings[i] = ending_of(piece->chars, begin, end);
        piece->shapes[i] = shape_of(piece->kinds[i], piece->firsts[i], piece->chars[end - 1], end - begin);
    }
    piece->strange[0] = 0;
    for (int64_t i = 1; i < size; i++)
        piece->strange[i] = pair_strangeness(line, (uint32_t)piece->strange[i]);
}

static inline uint32_t row_of_word(uint32_t hash) { return mix(hash + 11) >> (32 - SPAN_BITS); }

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

/* ---- span_model.py: scores of each token as start, end and part of a phrase ---- */

static inline int64_t floor_of(double value)
{
    const int64_t whole = (int64_t)value;
    return whole - ((double)whole > value);
}

/* Spam weight and strangeness by turns, of the tokens of a piece. */
static void piece_signals(const line_piece *piece, double *signals)
{
    for (int64_t i = 0; i < piece->size; i++) {
        const int64_t spam = low_field(piece->words[2 * i]);
        /* The word of a line end holds the pair that opens the next line. */
        const int64_t kept = piece->kinds[i] == KIND_LINE_END ? 0 : most(-SPAM_LIMIT, least(spam, SPAM_LIMIT));
        signals[2 * i] = (double)kept;
        signals[2 * i + 1] = (double)(piece->strange[i] * 10);
    }
}

/* padded: taps in rows of four, which suit the vectors of any machine. Whole numbers far below 2**53: exact. */
static void boundary_scores(const span_model *model, const double (*padded)[4], line_piece *piece)
{
    const uint64_t *const table = model->table;
    const int64_t closing = piece->size - 1;
    double signals[2 * (ROOM + 2 * SIGNAL_REACH)];
    uint32_t rows[SPAN_BLOCK][FEATURES], own_rows[SPAN_BLOCK];
    /* Zeros around the piece. */
    memset(signals, 0, 2 * SIGNAL_REACH * sizeof *signals);
    memset(signals + 2 * (SIGNAL_REACH + piece->size), 0, 2 * SIGNAL_REACH * sizeof *signals);
    piece_signals(piece, signals + 2 * SIGNAL_REACH);
    for (int64_t first = 0; first <= closing; first += SPAN_BLOCK) {
        const int64_t count = least(SPAN_BLOCK, closing + 1 - first);
        for (int64_t place = 0; place < count; place++) {
            const int64_t i = first + place;
            const int64_t at[4] = {most(i - 2, 0), most(i - 1, 0), i, least(i + 1, closing)};
            /* The scores of the first token are not asked for: no stretch holds it. */
            const uint32_t gap = i > 0 && piece->begins[i] != piece->ends[i - 1] && piece->kinds[i] != KIND_LINE_END &&
                                 piece->kinds[i - 1] != KIND_LINE_END;
            feature_rows(piece->hashes, piece->endings, piece->shapes, at, gap, rows[place]);
            own_rows[place] = row_of_word(piece->hashes[i]);
            for (int feature = 0; feature < FEATURES; feature++)
                FETCH(table + rows[place][feature]);
            FETCH(table + own_rows[place]);
        }
        for (int64_t place = 0; place < count; place++) {
            const int64_t i = first + place;
            const double *window = signals + 2 * i;
            const uint64_t own = table[own_rows[place]];
            double products[4] = {0, 0, 0, 0};
            int64_t numeric[3];
            uint64_t boundary = 0;
            for (int feature = 0; feature < FEATURES; feature++)
                boundary += table[rows[place][feature]];
            for (int tap = 0; tap < 4 * SIGNAL_REACH; tap++)
                for (int column = 0; column < 4; column++)
                    products[column] += window[tap] * padded[tap][column];
            for (int column = 0; column < 3; column++) {
                products[column] += fabs(window[2 * SIGNAL_REACH]) * padded[4 * SIGNAL_REACH][column];
                numeric[column] = floor_of(products[column]) >> 12;
            }
            piece->start[i] = numeric[0] + model->bias[0] + low_field(boundary) + low_field(own);
            piece->end[i] = middle_field(own) + model->bias[1];
            /* A phrase ends with a token if it ends at the boundary behind it. */
            if (i > 0)
                piece->end[i - 1] += numeric[1] + middle_field(boundary);
            piece->inside[i] = numeric[2] + model->bias[2] + high_field(boundary) + high_field(own);
        }
    }
}

/* ---- span_stretches.py ---- */

#define BLOCK (-((int64_t)1 << 24))
#define NEVER (-((int64_t)1 << 38))

typedef struct {
    int64_t first, last;
} stretch;

/* The best stretch of a piece, and its score. */
static int64_t best_stretch(const line_piece *piece, const uint8_t *free, stretch *best)
{
    int64_t running = 0, best_opening = 0, opener = 0, best_total = 0;
    for (int64_t i = 0; i < piece->size; i++) {
        running += free[i] ? piece->inside[i] : BLOCK;
        const int64_t opening = (free[i] ? piece->start[i] + piece->inside[i] : NEVER) - running;
        if (i == 0 || opening > best_opening) {
            best_opening = opening;
            opener = i;
        }
        const int64_t total = (free[i] ? piece->end[i] : NEVER) + running + best_opening;
        if (i == 0 || total > best_total) {
            best_total = total;
            *best = (stretch){opener, i};
        }
    }
    return best_total;
}

/* `Inspection.best` of one piece: how many stretches, ascending. */
static int64_t best_stretches(const span_model *model, const line_piece *piece, stretch *found)
{
    uint8_t free[ROOM] = {0};
    int64_t count = 0;
    memset(free + piece->free_from, 1, (size_t)(piece->free_stop - piece->free_from));
    for (int64_t number = 0; number < model->rounds; number++) {
        stretch best;
        if (!((double)best_stretch(piece, free, &best) > model->least_score))
            break;
        /* Take away what was found, so that the next round looks elsewhere. */
        memset(free + best.first, 0, (size_t)(best.last + 1 - best.first));
        int64_t place = count++;
        for (; place > 0 && found[place - 1].first > best.first; place--)
            found[place] = found[place - 1];
        found[place] = best;
    }
    return count;
}

/* The best other places near a stretch by their scores: its own first, -1 where there are no more. */
static void edges_near(const span_model *model, const line_piece *piece, stretch near, const int64_t *scores,
                       int64_t own, int64_t *edges)
{
    int64_t values[ROOM];
    const int64_t low = most(near.first - model->reach, piece->free_from);
    const int64_t stop = least(near.last + model->reach + 1, piece->free_stop);
    for (int64_t i = low; i < stop; i++)
        values[i] = scores[i];
    for (int64_t number = 0; number < model->edges; number++) {
        int64_t place = own;
        if (number)
            for (int64_t i = place = low; i < stop; i++)
                if (values[i] > values[place])
                    place = i;
        edges[number] = values[place] > NEVER ? place : -1;
        values[place] = NEVER;
    }
}

/* A stretch, and those with other edges near it: how many. */
static int64_t rivals(const span_model *model, const line_piece *piece, stretch own, stretch *found)
{
    int64_t starts[MOST_EDGES], ends[MOST_EDGES], count = 0;
    edges_near(model, piece, own, piece->start, own.first, starts);
    edges_near(model, piece, own, piece->end, own.last, ends);
    for (int64_t opening = 0; opening < model->edges; opening++)
        for (int64_t closing = 0; closing < model->edges; closing++) {
            const stretch one = {starts[opening], ends[closing]};
            const int64_t size = one.last - one.first;
            if ((one.first >= 0 && one.last >= 0 && size >= 0 && size < model->longest_rival) || !(opening + closing))
                found[count++] = one;
        }
    return count;
}

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
static double phrase_score(const span_model *model, line_piece *piece, stretch own, double *contents)
{
    const double root = sqrt((double)(4 * (own.last - own.first) + 3));
    const double inside = (double)content_sum(model, piece, own) / root;
    *contents = inside / model->phrase_scale;
    const double score = inside + (double)edge_sum(model, piece, own) * model->edge_weight;
    return score / model->phrase_scale + model->phrase_bias;
}

/* ---- span_description.py ---- */

/* Running sums: spam and link weights, boilerplate weights and norms, two to a number; five counts; inside scores and
 * strangeness. */
static void sum_up(line_piece *piece)
{
    uint64_t sums[SUMS] = {0};
    memcpy(piece->sums[0], sums, sizeof sums);
    for (int64_t i = 0; i < piece->size; i++) {
        const uint64_t low = piece->words[2 * i], high = piece->words[2 * i + 1];
        const uint32_t entry = piece->firsts[i];
        const uint64_t word = piece->kinds[i] == KIND_WORD, solo = piece->kinds[i] == KIND_SOLO;
        const uint64_t capital = (entry & UPPER) != 0, latin = entry >> SCRIPT_SHIFT == 1;
        sums[0] += ((uint64_t)middle_field(low) << 32) + (uint64_t)low_field(low);
        sums[1] += ((uint64_t)high_field(high) << 32) + (uint64_t)middle_field(high);
        sums[2] += word + ((word & capital) << 12) + ((word | solo) << 24) + (((word | solo) & latin) << 36) +
                   (solo << 48);
        sums[3] += (uint64_t)piece->inside[i];
        sums[4] += (uint64_t)piece->strange[i];
        memcpy(piece->sums[i + 1], sums, sizeof sums);
    }
    piece->has_sums = 1;
}

enum { COUNT_WORDS, COUNT_CAPITALS, COUNT_LETTERS, COUNT_LATINS, COUNT_SOLOS, COUNTS };

/* Logits of spam, links and boilerplate, and counts, of some tokens whose sums are given. */
typedef struct {
    double spam, link, boilerplate;
    int64_t counts[COUNTS];
} summary;

static summary summary_of(const line_model *line, const uint64_t *sums)
{
    summary result;
    int64_t halves[2][2];
    for (int word = 0; word < 2; word++) {
        halves[word][0] = (int64_t)((sums[word] & 0xFFFFFFFFu) ^ 0x80000000u) - (int64_t)0x80000000u;
        halves[word][1] = (int64_t)(sums[word] - (uint64_t)halves[word][0]) >> 32;
    }
    const double norm = sqrt((double)most(halves[1][1], 1)) * line->scale;
    result.spam = limited((double)halves[0][0] / norm + line->bias[0], 12);
    result.link = limited((double)halves[0][1] / norm + line->bias[1], 12);
    result.boilerplate = limited((double)halves[1][0] / norm + line->bias[4], 12);
    for (int number = 0; number < COUNTS; number++)
        result.counts[number] = (int64_t)(sums[2] >> (12 * number) & 0xFFF);
    return result;
}

static inline double smaller(double a, double b) { return a < b ? a : b; }

static inline double ratio(int64_t part, int64_t whole) { return (double)part / (double)most(whole, 1); }

/* `SpanModel.scores_across`. */
static void scores_across(const span_model *model, const line_piece *piece, stretch own, double *start, double *end)
{
    const int64_t high = piece->size - 1, before = most(own.first - 1, 0), behind = least(own.last + 1, high);
    const int64_t at[4] = {most(own.first - 2, 0), before, behind, least(own.last + 2, high)};
    const uint32_t gap =
        (piece->begins[own.first] != piece->ends[before] || piece->begins[behind] != piece->ends[own.last]) &&
        piece->kinds[before] != KIND_LINE_END && piece->kinds[behind] != KIND_LINE_END;
    uint32_t rows[FEATURES];
    uint64_t total = 0;
    feature_rows(piece->hashes, piece->endings, piece->shapes, at, gap, rows);
    for (int feature = 0; feature < FEATURES; feature++)
        total += model->table[rows[feature]];
    *start = limited((double)low_field(total) / model->scale, 30);
    *end = limited((double)middle_field(total) / model->scale, 30);
}

/* `describe_candidates`: the numbers of a stretch in the order of CANDIDATE_NAMES. */
static void describe(const span_model *model, const line_model *line, line_piece *piece, stretch own, double *numbers)
{
    const int64_t first = own.first, last = own.last, stop = last + 1, count = stop - first;
    const int64_t opening = piece->kinds[0] == KIND_LINE_END;
    const int64_t closing = piece->size - (piece->kinds[piece->size - 1] == KIND_LINE_END);
    const int64_t low = most(opening, first - NEIGHBOURHOOD), high = least(closing, stop + NEIGHBOURHOOD);
    const int64_t before = first - 1, width = high - low;
    uint64_t span_sums[SUMS], rest_sums[SUMS], both_sums[SUMS];
    double start_across, end_across, *out = numbers;
    if (!piece->has_sums)
        sum_up(piece);
    for (int number = 0; number < SUMS; number++) {
        span_sums[number] = piece->sums[stop][number] - piece->sums[first][number];
        both_sums[number] = piece->sums[high][number] - piece->sums[low][number];
        rest_sums[number] = both_sums[number] - span_sums[number];
    }
    const summary span = summary_of(line, span_sums), rest = summary_of(line, rest_sums);
    const summary both = summary_of(line, both_sums);
    const uint8_t kind_before = piece->kinds[before], kind_after = piece->kinds[stop];
    const int glue_before = piece->ends[before] == piece->begins[first] && kind_before != KIND_LINE_END;
    const int glue_after = piece->begins[stop] == piece->ends[last] && kind_after != KIND_LINE_END;
    const int bracket = model->is_opening[piece->firsts[first] & CODE];
    const double latin = fabs(ratio(span.counts[COUNT_LATINS], span.counts[COUNT_LETTERS]) -
                              ratio(rest.counts[COUNT_LATINS], rest.counts[COUNT_LETTERS]));
    /* Idf of words in the lower half, of related ones in the upper. */
    const uint64_t span_idf = (uint64_t)piece->running[first] - (uint64_t)piece->running[stop];
    const uint64_t both_idf = (uint64_t)piece->running[low] - (uint64_t)piece->running[high];
    const int64_t span_words = (int64_t)(span_idf & 0xFFFFFFFFu), span_shared = (int64_t)span_idf >> 32;
    const int64_t rest_words = (int64_t)(both_idf & 0xFFFFFFFFu) - span_words;
    const int64_t rest_shared = ((int64_t)both_idf >> 32) - span_shared;
    const double span_related = ratio(span_shared, span_words), rest_related = ratio(rest_shared, rest_words);
    const double scale = model->scale;
    const int64_t inside = (int64_t)span_sums[3], whole = piece->start[first] + piece->end[last] + inside;
    const double start = limited((double)piece->start[first] / scale, 30);
    const double end = limited((double)piece->end[last] / scale, 30);
    double contents;
    const double inside_score = (double)inside / scale, phrase = phrase_score(model, piece, own, &contents);
    const double share = (double)count / (double)width;
    /* How well the line reads across the edges of the stretch, and without it. */
    const double strange_start = (double)piece->strange[first] / 100, strange_end = (double)piece->strange[stop] / 100;
    const uint32_t joined_row = row_of_pair(piece->hashes[before], piece->hashes[stop], (int32_t)line->pair_bits);
    const double joined = (double)pair_strangeness(line, joined_row) / 100;
    const int64_t strange_inside = (int64_t)span_sums[4] - piece->strange[first];
    const int64_t strange_outside = (int64_t)rest_sums[4] - piece->strange[stop];
    const double solo_share = (double)both.counts[COUNT_SOLOS] / (double)width;
    scores_across(model, piece, own, &start_across, &end_across);

    *out++ = limited((double)whole / scale, 30);
    *out++ = start;
    *out++ = end;
    *out++ = limited(inside_score, 30);
    *out++ = inside_score / (double)count;
    *out++ = model->logarithms[count];
    *out++ = model->logarithms[width];
    *out++ = share;
    *out++ = span.spam;
    *out++ = rest.spam;
    *out++ = both.spam;
    *out++ = span.link;
    *out++ = span.boilerplate;
    *out++ = rest.boilerplate;
    *out++ = rest.counts[COUNT_LETTERS] == 0;
    *out++ = first == opening;
    *out++ = stop == closing;
    *out++ = bracket;
    *out++ = glue_before && kind_before == KIND_MARK && !bracket;
    *out++ = (glue_before && kind_before == KIND_WORD) || (glue_after && kind_after == KIND_WORD);
    *out++ = ratio(span.counts[COUNT_CAPITALS], span.counts[COUNT_WORDS]);
    *out++ = ratio(rest.counts[COUNT_CAPITALS], rest.counts[COUNT_WORDS]);
    *out++ = latin;
    *out++ = span_related;
    *out++ = rest_related;
    *out++ = larger(rest_related - span_related, 0);
    *out++ = rest_shared + span_shared > 0;
    *out++ = span.spam * rest.spam;
    *out++ = larger(span.spam - rest.spam, 0);
    *out++ = larger(start - 2, 0);
    *out++ = larger(end - 2, 0);
    *out++ = smaller(start, end);
    *out++ = strange_start;
    *out++ = strange_end;
    *out++ = ratio(strange_inside, count - 1) / 100;
    *out++ = ratio(strange_outside, width - count - 1) / 100;
    *out++ = joined;
    *out++ = smaller(strange_start, strange_end) - joined;
    *out++ = solo_share;
    *out++ = solo_share * model->logarithms[count];
    *out++ = solo_share * span.spam;
    *out++ = (1 - solo_share) * (double)least(count, 8);
    *out++ = start_across;
    *out++ = end_across;
    *out++ = start - start_across;
    *out++ = end - end_across;
    *out++ = limited(phrase, 30);
    *out++ = smaller(larger(phrase, 0), 30);
    *out++ = limited(contents, 30);
    *out++ = limited(contents, 12) * share;
    *out++ = limited(contents, 12) * rest.spam;
    *out++ = limited(phrase, 12) * span.spam;
    for (int number = 0; number < SPAN_NUMBERS; number++)
        numbers[number] = grained(numbers[number]);
}

/* ---- span_model.py: the stretches of a line ---- */

/* Numbers are multiples of 1/256, weights of 1/65536: exact in any order. */
static double odds_of(const double *numbers, const double *weights, double bias)
{
    double odds[4] = {bias, 0, 0, 0};
    for (int number = 0; number < SPAN_NUMBERS; number += 4)
        for (int lane = 0; lane < 4; lane++)
            odds[lane] += numbers[number + lane] * weights[number + lane];
    return odds[0] + odds[1] + (odds[2] + odds[3]);
}

/* piecewise_model.py: `PiecewiseModel.odds`. */
double span_odds(const span_model *model, const double *numbers)
{
    double odds = odds_of(numbers, model->candidates, model->candidates_bias);
    for (int64_t knot = 0; knot < model->bent; knot++)
        odds += larger(numbers[model->places[knot]] - model->knots[knot], 0) * model->bends[knot];
    return odds;
}

/* A stretch that was chosen among its rivals, with its numbers. */
typedef struct {
    stretch own;
    double odds, numbers[SPAN_NUMBERS];
} choice;

/* The stretches of a piece that are not hopeless, each put beside its rivals: how many. */
static int64_t choose(const span_model *model, const line_model *line, line_piece *piece, choice *chosen)
{
    stretch found[MOST_ROUNDS], others[MOST_EDGES * MOST_EDGES];
    const int64_t stretches = best_stretches(model, piece, found);
    int64_t count = 0;
    if (stretches) {
        piece->has_sums = 0;
        memset(piece->has_contents, 0, sizeof piece->has_contents);
    }
    for (int64_t number = 0; number < stretches; number++) {
        choice *const best = chosen + count;
        double numbers[SPAN_NUMBERS];
        describe(model, line, piece, found[number], best->numbers);
        if (!(span_odds(model, best->numbers) >= model->least_odds))
            continue;
        best->own = found[number];
        best->odds = odds_of(best->numbers, model->choice, model->choice_bias);
        const int64_t all = rivals(model, piece, found[number], others);
        /* The first is the stretch itself. */
        for (int64_t rival = 1; rival < all; rival++) {
            describe(model, line, piece, others[rival], numbers);
            const double odds = odds_of(numbers, model->choice, model->choice_bias);
            if (odds > best->odds) {
                best->own = others[rival];
                best->odds = odds;
                memcpy(best->numbers, numbers, sizeof numbers);
            }
        }
        count++;
    }
    return count;
}

/* Whether a chosen stretch is kept: of two that overlap the likelier one is. */
static int is_kept(const choice *chosen, int64_t count, int64_t number)
{
    const choice *const own = chosen + number;
    if (number > 0 && own->own.first <= own[-1].own.last && !(own->odds > own[-1].odds))
        return 0;
    return !(number + 1 < count && own[1].own.first <= own->own.last && own[1].odds > own->odds);
}

/* Candidates of some lines, none of them blank, ascending: `find_candidates`.
 *
 * words: two a token. next: the line among `lines`, and the token of it, at which to begin, 0 for the first; where to go
 * on when there is no more room. numbers: (room, SPAN_NUMBERS). Returns how many candidates there are, or -1 if the model has
 * more rounds or edges than there is room for. */
int64_t find_spans(const span_model *model, const line_model *line, const uint32_t *chars, const int64_t *begins,
                   const int64_t *ends, const uint8_t *kinds, const uint32_t *hashes, const uint32_t *firsts,
                   const uint64_t *words, const int64_t *running, const int64_t *line_tokens, const int64_t *lines,
                   int64_t count, int64_t room, int64_t *next, int64_t *candidate_lines, int64_t *candidate_firsts,
                   int64_t *candidate_lasts, double *numbers)
{
    double padded[4 * SIGNAL_REACH + 1][4] = {{0}};
    choice chosen[MOST_ROUNDS];
    line_piece piece;
    int64_t fill = 0, first = next[1];
    if (model->rounds > least(MOST_ROUNDS, room) || model->edges > MOST_EDGES)
        return -1;
    for (int tap = 0; tap <= 4 * SIGNAL_REACH; tap++)
        memcpy(padded[tap], model->taps + 3 * tap, 3 * sizeof *model->taps);
    for (int64_t number = next[0]; number < count; number++, first = 0) {
        const int64_t low = line_tokens[lines[number]], high = line_tokens[lines[number] + 1];
        for (first = first ? first : low + 1; first < high; first += PIECE_TOKENS) {
            const int64_t stop = least(first + PIECE_TOKENS, high), opening = most(first - MARGIN, low);
            if (room - fill < model->rounds) {
                next[0] = number;
                next[1] = first;
                return fill;
            }
            piece.size = least(stop + MARGIN, high + 1) - opening;
            piece.free_from = first - opening;
            piece.free_stop = stop - opening;
            piece.chars = chars;
            piece.begins = begins + opening;
            piece.ends = ends + opening;
            piece.kinds = kinds + opening;
            piece.hashes = hashes + opening;
            piece.firsts = firsts + opening;
            piece.words = words + 2 * opening;
            piece.running = running + opening;
            look_at_tokens(line, &piece);
            boundary_scores(model, (const double(*)[4])padded, &piece);
            const int64_t choices = choose(model, line, &piece, chosen);
            for (int64_t one = 0; one < choices; one++) {
                if (!is_kept(chosen, choices, one))
                    continue;
                candidate_lines[fill] = lines[number];
                candidate_firsts[fill] = opening + chosen[one].own.first;
                candidate_lasts[fill] = opening + chosen[one].own.last;
                memcpy(numbers + SPAN_NUMBERS * fill, chosen[one].numbers, sizeof chosen[one].numbers);
                fill++;
            }
        }
    }
    next[0] = count;
    next[1] = 0;
    return fill;
}
