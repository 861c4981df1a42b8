/* The compiled kernel: foreign stretches of lines, described and chosen among their rivals. See kernel_spans.h. */

#include "kernel_spans.h"

enum { NEIGHBOURHOOD = 60 };

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
        const int64_t all = rivals_of(model, piece, found[number], others);
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

/* Whether a chosen stretch is kept: of two neighbours that overlap the likelier one is. */
static int is_kept(const choice *chosen, int64_t count, int64_t number)
{
    const choice *const own = chosen + number;
    if (number > 0 && own->own.first <= own[-1].own.last && !(own->odds > own[-1].odds))
        return 0;
    return !(number + 1 < count && own[1].own.first <= own->own.last && own[1].odds > own->odds);
}

/* The chosen stretches that are kept, moved to the front, until no two neighbours overlap: how many. */
static int64_t keep_apart(choice *chosen, int64_t count)
{
    for (;;) {
        int kept[MOST_ROUNDS];
        int64_t left = 0;
        for (int64_t number = 0; number < count; number++)
            kept[number] = is_kept(chosen, count, number);
        for (int64_t number = 0; number < count; number++)
            if (kept[number])
                chosen[left++] = chosen[number];
        if (left == count)
            return count;
        count = left;
    }
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
            const int64_t choices = keep_apart(chosen, choose(model, line, &piece, chosen));
            for (int64_t one = 0; one < choices; one++) {
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
