/* The compiled kernel: what is known of lines by themselves and on their pages. See kernel.h. */

#include "kernel.h"

/* ---- line_shapes.py ---- */

static void count_shapes(const token_batch *of, page_rows *rows)
{
    const uint32_t *const firsts = of->firsts;
    for (int64_t row = 0; row < rows->rows; row++) {
        const int64_t line = rows->lines[row];
        const int64_t start = of->line_tokens[line] + 1, stop = of->line_tokens[line + 1];
        int64_t digits = 0, marks = 0, solos = 0, capitals = 0, latins = 0;
        for (int64_t token = start; token < stop; token++) {
            const uint32_t entry = firsts[token];
            digits += entry / DIGIT & 1;
            marks += entry / MARK & 1;
            solos += entry / SOLO & 1;
            capitals += entry / UPPER & 1;
            latins += (entry >> SCRIPT_SHIFT & 15) == 1;
        }
        rows->digits_and_marks[row] = digits;
        rows->digits_and_marks[rows->rows + row] = marks;
        rows->solos[row] = solos;
        rows->capitals[row] = capitals;
        rows->latins[row] = latins;
        rows->words[row] = stop - start - marks - solos;
        rows->sentences[row] = (of->chars[of->ends[stop - 1] - 1] & STOP) != 0;
        rows->counts[row] = stop - start;
        rows->widths[row] = of->line_ends[line] - (line ? of->line_ends[line - 1] : 0) - 1 + 3 * solos / 2;
    }
}

/* ---- relatedness.py ---- */

enum { RELATED_BITS = 13, IDF_BITS = 16 };

/* What a token is told apart by: a single character of a script without spaces is taken with its right neighbour. */
static inline uint32_t word_hash(const uint32_t *hashes, const uint8_t *kinds, int64_t token)
{
    return kinds[token] == KIND_SOLO ? hashes[token] * BASE + hashes[token + 1] : hashes[token];
}

static inline uint8_t is_word(uint8_t kind) { return (kind & (KIND_WORD | KIND_SOLO)) != 0; }

/* Whether words of the lines [first, stop) that are in the body stand there once or more often, 1 or 2; forgets it again
 * if asked to. Words and marks follow each other in any order, so that branches would cost more. */
static void count_body(const uint32_t *restrict hashes, const uint8_t *restrict kinds,
                       const int64_t *restrict line_tokens, int64_t first, int64_t stop, const uint8_t *restrict body,
                       uint8_t *restrict seen, uint8_t forget)
{
    for (int64_t line = first; line < stop; line++) {
        if (!body[line])
            continue;
        for (int64_t token = line_tokens[line] + 1; token < line_tokens[line + 1]; token++) {
            uint8_t *const place = seen + (word_hash(hashes, kinds, token) & ((1u << RELATED_BITS) - 1));
            *place = (uint8_t)((*place + (is_word(kinds[token]) & (*place < 2))) & (forget - 1));
        }
    }
}

/* body: a byte a line. The last token is a line end. */
static void word_weights(const token_batch *of, const uint8_t *restrict body, const uint8_t *restrict idf,
                         int64_t *restrict running, uint8_t *restrict weights, uint8_t *restrict unrelated)
{
    const uint32_t *const restrict hashes = of->hashes;
    const uint8_t *const restrict kinds = of->kinds;
    const int64_t *const restrict line_tokens = of->line_tokens;
    uint8_t seen[1 << RELATED_BITS] = {0};
    weights[0] = unrelated[0] = 0;
    for (int64_t document = 0; document < of->documents; document++) {
        const int64_t first = of->document_lines[document], stop = of->document_lines[document + 1];
        count_body(hashes, kinds, line_tokens, first, stop, body, seen, 0);
        for (int64_t line = first; line < stop; line++) {
            for (int64_t token = line_tokens[line] + 1; token < line_tokens[line + 1]; token++) {
                const uint32_t hash = word_hash(hashes, kinds, token);
                weights[token] = (uint8_t)(idf[hash >> (32 - IDF_BITS)] * is_word(kinds[token]));
                /* A word of the body is related if the body has it once more. */
                unrelated[token] =
                    (uint8_t)(weights[token] * (seen[hash & ((1u << RELATED_BITS) - 1)] <= body[line]));
            }
            weights[line_tokens[line + 1]] = unrelated[line_tokens[line + 1]] = 0;
        }
        count_body(hashes, kinds, line_tokens, first, stop, body, seen, 1);
    }
    uint64_t sum = 0;
    running[of->tokens] = 0;
    for (int64_t token = of->tokens - 1; token >= 0; token--) {
        sum += weights[token] + ((uint64_t)(weights[token] - unrelated[token]) << 32);
        running[token] = (int64_t)sum;
    }
}

enum { WEIGHED_TOKENS = 1 << 23 };

/* The share of a line's words, by their idf, that other lines of the body have too. */
static double related_share(const token_batch *of, const page_rows *rows, int64_t line)
{
    const int64_t start = of->line_tokens[line] + 1, stop = of->line_tokens[line + 1];
    /* Idf of words in the lower half, of related ones in the upper. */
    const uint64_t sums = (uint64_t)rows->word_running[start] -
                          (uint64_t)rows->word_running[least(stop, start + WEIGHED_TOKENS)];
    return (double)((int64_t)sums >> 32) / (double)most((int64_t)(sums & 0xFFFFFFFFu), 1);
}

/* ---- suspicion.py ---- */

/* What a line holds at most in four tokens in a row: the sum of their spam weights, and the same times the share of
 * their idf that is unrelated; then the logarithm of its length. Line ends count as 0. */
void strongest_tokens(const token_batch *batch, const elementary_tables *of, const page_rows *rows, int64_t row, double scale,
                      double *result)
{
    const int64_t line = rows->lines[row], first = batch->line_tokens[line] + 1, stop = batch->line_tokens[line + 1];
    const uint8_t *const idf = rows->idf, *const unrelated = rows->unrelated;
    int32_t spam[3] = {0}, all[3] = {0}, foreign[3] = {0}; /* of the three tokens behind */
    int32_t largest = 0;
    float largest_share = 0;
    for (int64_t token = stop - 1; token >= first; token--) {
        const int32_t own = (int32_t)most(-SPAM_LIMIT, least(low_field(batch->words[2 * token]), SPAM_LIMIT));
        const int32_t spam_sum = own + spam[0] + spam[1] + spam[2];
        const int32_t all_sum = idf[token] + all[0] + all[1] + all[2];
        const int32_t foreign_sum = unrelated[token] + foreign[0] + foreign[1] + foreign[2];
        largest = spam_sum > largest ? spam_sum : largest;
        /* A share is at most 1. Rounded as numpy does: a quotient of floats, a product of doubles. */
        if ((float)spam_sum > largest_share) {
            const float share = (float)foreign_sum / (float)(all_sum > 1 ? all_sum : 1);
            const float product = (float)((double)share * (double)spam_sum);
            largest_share = product > largest_share ? product : largest_share;
        }
        spam[2] = spam[1];
        spam[1] = spam[0];
        spam[0] = own;
        all[2] = all[1];
        all[1] = all[0];
        all[0] = idf[token];
        foreign[2] = foreign[1];
        foreign[1] = foreign[0];
        foreign[0] = unrelated[token];
    }
    result[0] = grained((double)largest / scale);
    result[1] = grained((double)largest_share / scale);
    result[2] = grained(logarithm_of_count(of, stop - first + 1));
}

/* ---- line_facts.py, neighbours.py, page_features.py ---- */

/* Sums over pages of numbers (count, rows). */
void page_totals(const int64_t *values, int64_t count, int64_t rows, const int64_t *edges, int64_t pages, int64_t *totals)
{
    for (int64_t number = 0; number < count; number++, values += rows)
        for (int64_t page = 0; page < pages; page++) {
            uint64_t sum = 0;
            for (int64_t row = edges[page]; row < edges[page + 1]; row++)
                sum += (uint64_t)values[row];
            *totals++ = (int64_t)sum;
        }
}

/* Sums over each row and those behind it: (count, rows + 1). */
void sum_behind(const int64_t *values, int64_t count, int64_t rows, int64_t *running)
{
    for (int64_t number = 0; number < count; number++, values += rows, running += rows + 1) {
        uint64_t sum = 0;
        running[rows] = 0;
        for (int64_t row = rows - 1; row >= 0; row--) {
            sum += (uint64_t)values[row];
            running[row] = (int64_t)sum;
        }
    }
}

static inline int64_t is_title_like(int64_t width, int64_t sentence)
{
    return width >= 15 && width <= 150 && sentence == 0;
}

/* Lengths of runs of title-like lines on a page, and the place of each line in its run; 0 elsewhere. */
static void find_runs(const int64_t *widths, const int64_t *sentences, int64_t first, int64_t stop, int64_t *run,
                      int64_t *place)
{
    for (int64_t row = first; row < stop;) {
        const int64_t begin = row;
        for (; row < stop && is_title_like(widths[row], sentences[row]); row++)
            place[row] = row - begin;
        for (int64_t member = begin; member < row; member++)
            run[member] = row - begin;
        if (row < stop) {
            run[row] = place[row] = 0;
            row++;
        }
    }
}

/* `line_facts` of what is known of the lines. */
static void find_facts(page_rows *of, const elementary_tables *tables)
{
    const int64_t rows = of->rows;
    for (int64_t row = 0; row < rows; row++) {
        const int64_t title_like = is_title_like(of->widths[row], of->sentences[row]), in_body = of->widths[row] >= 100;
        double whole = 0;
        for (int label = 0; label < 5; label++) {
            const double logit = of->logits[label * rows + row] = limited(of->logits[label * rows + row], 12);
            whole += of->shown[label * rows + row] = exponential(tables, logit);
        }
        of->margin[row] = limited(
            logarithm(tables, (of->shown[row] + of->shown[rows + row]) / (1 + of->shown[4 * rows + row])), 8);
        whole = 1 + whole;
        for (int label = 0; label < 5; label++)
            of->shown[label * rows + row] /= whole;
        of->shown[5 * rows + row] = logarithm_of_count(tables, of->widths[row]);
        of->strongest[row] = limited(of->strongest[row], 12);
        of->not_latin[row] = 1 - (double)of->latins[row] / (double)most(of->words[row] + of->solos[row], 1);
        of->units[row] = (int64_t)rounded(of->margin[row] * UNIT);
        of->units[rows + row] = (int64_t)rounded(of->shown[5 * rows + row] * UNIT);
        of->units[2 * rows + row] = of->sentences[row] * (int64_t)UNIT;
        of->units[3 * rows + row] = (int64_t)rounded(of->related[row] * UNIT);
        of->units[4 * rows + row] = title_like * (int64_t)UNIT;
        of->units[5 * rows + row] = title_like * of->units[3 * rows + row];
        of->units[6 * rows + row] = title_like * (int64_t)rounded(of->logits[2 * rows + row] * UNIT);
        of->units[7 * rows + row] = title_like * of->units[rows + row];
        of->addends[row] = (int64_t)rounded(of->not_latin[row] * UNIT);
        of->addends[rows + row] = of->widths[row];
        of->addends[2 * rows + row] = in_body * of->widths[row];
        for (int number = 0; number < 6; number++)
            of->addends[(3 + number) * rows + row] = of->sums[6 * row + number];
        of->addends[9 * rows + row] = in_body * of->units[3 * rows + row];
        of->addends[10 * rows + row] = in_body;
    }
    for (int64_t page = 0; page < of->pages; page++)
        find_runs(of->widths, of->sentences, of->edges[page], of->edges[page + 1], of->run, of->place);
    sum_behind(of->units, NEAR_NUMBERS, rows, of->running);
    page_totals(of->addends, PAGE_NUMBERS, rows, of->edges, of->pages, of->totals);
}

/* `page_features`. logits, strongest, sums: of all lines, as `line_scores` gives them. body: a byte for each line,
 * zeros. */
void look_at_lines(const token_batch *batch, const elementary_tables *of, const double *logits, const double *strongest,
                   const int64_t *sums, const uint8_t *idf, int64_t body_width, uint8_t *body, page_rows *rows)
{
    rows->edges[0] = 0;
    for (int64_t page = 0, row = 0; page < rows->pages; page++) {
        const int64_t start = row;
        while (row < rows->rows && rows->lines[row] < batch->document_lines[page + 1])
            row++;
        rows->edges[page + 1] = row;
        for (int64_t member = start; member < row; member++) {
            rows->documents[member] = page;
            rows->starts[member] = start;
            rows->stops[member] = row;
        }
    }
    count_shapes(batch, rows);
    for (int64_t row = 0; row < rows->rows; row++)
        body[rows->lines[row]] = rows->widths[row] >= body_width;
    word_weights(batch, body, idf, rows->word_running, rows->idf, rows->unrelated);
    for (int64_t row = 0; row < rows->rows; row++) {
        const int64_t line = rows->lines[row];
        for (int label = 0; label < 5; label++)
            rows->logits[label * rows->rows + row] = logits[5 * line + label];
        rows->strongest[row] = strongest[line];
        rows->related[row] = related_share(batch, rows, line);
        memcpy(rows->sums + 6 * row, sums + 6 * line, 6 * sizeof *sums);
    }
    find_facts(rows, of);
}
