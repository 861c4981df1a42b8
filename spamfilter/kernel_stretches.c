/* The compiled kernel: pieces of lines, the scores of their boundaries, stretches and their rivals. See kernel_spans.h. */

#include "kernel_spans.h"

enum { SPAN_BLOCK = 32 };

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

/* Endings, shapes, and how strange each token is behind the one before it. */
void look_at_tokens(const line_model *line, line_piece *piece)
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
void boundary_scores(const span_model *model, const double (*padded)[4], line_piece *piece)
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
int64_t best_stretches(const span_model *model, const line_piece *piece, stretch *found)
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
int64_t rivals_of(const span_model *model, const line_piece *piece, stretch own, stretch *found)
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
