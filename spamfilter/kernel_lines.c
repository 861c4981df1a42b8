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

/* ---- line_facts.py, neighbours.py, page_features.py, second_look.py ---- */

/* Sums over pages of numbers (count, rows). */
static void page_totals(const int64_t *values, int64_t count, int64_t rows, const int64_t *edges, int64_t pages,
                        int64_t *totals)
{
    for (int64_t number = 0; number < count; number++, values += rows)
        for (int64_t page = 0; page < pages; page++) {
            uint64_t sum = 0;
            for (int64_t row = edges[page]; row < edges[page + 1]; row++)
                sum += (uint64_t)values[row];
            *totals++ = (int64_t)sum;
        }
}

static void sum_behind(const int64_t *values, int64_t count, int64_t rows, int64_t *running)
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

/* Sum over the rows from `first` to before `stop`, `row` itself left out. */
static inline int64_t sum_around(const int64_t *values, const int64_t *running, int64_t row, int64_t first, int64_t stop)
{
    return (int64_t)((uint64_t)running[first] - (uint64_t)running[stop] - (uint64_t)values[row]);
}

/* Means of some running numbers over the rows at most `reach` away on the page, the row itself left out. */
static void means_within(const int64_t *values, const int64_t *running, int64_t count, int64_t rows, int64_t row,
                         int64_t reach, int64_t page_start, int64_t page_stop, double *means)
{
    const int64_t first = most(row - reach, page_start), stop = least(row + reach + 1, page_stop);
    const double size = (double)most(stop - first - 1, 1);
    for (int64_t number = 0; number < count; number++, values += rows, running += rows + 1)
        means[number] = (double)sum_around(values, running, row, first, stop) / size / UNIT;
}

/* Logarithm of the number of title-like lines at most `reach` away on the page, of 1 more. */
static double log_of_titles(const page_rows *of, const elementary_tables *tables, int64_t row, int64_t reach)
{
    const int64_t first = most(row - reach, of->starts[row]), stop = least(row + reach + 1, of->stops[row]);
    const int64_t *const values = of->units + 4 * of->rows, *const running = of->running + 4 * (of->rows + 1);
    return logarithm_of_count(tables, sum_around(values, running, row, first, stop) / (int64_t)UNIT);
}

/* What the other lines of the page add up to. */
static inline int64_t of_others(const page_rows *of, const int64_t *totals, const int64_t *addends, int64_t number,
                                int64_t row)
{
    return (int64_t)((uint64_t)totals[number * of->pages + of->documents[row]] -
                     (uint64_t)addends[number * of->rows + row]);
}

/* The context numbers of a row, in the order of `_columns`. levels: two logarithms of widths. */
void context_numbers(const page_rows *of, const elementary_tables *tables, int64_t row, double scale, const double *levels,
                     double *values)
{
    const double rounding = 0x1.8p44; /* numbers of this size are multiples of 1/256 */
    const int of_level[9] = {0, 0, 0, 0, 4, 4, 4, 2, 2};
    const double level[9] = {-6, -3, 0, 3, -3, 0, 3, -3, 0};
    const int64_t rows = of->rows, start = of->starts[row], stop = of->stops[row];
    const int64_t page_lines = stop - start, other_lines = page_lines - 1, before = row - start;
    const double least_one = (double)most(other_lines, 1), *const shown = of->shown;
    double own[5], near[NEAR_NUMBERS], far[NEAR_NUMBERS], others[PAGE_NUMBERS], *out = values;
    for (int label = 0; label < 5; label++)
        own[label] = of->logits[label * rows + row];
    means_within(of->units, of->running, NEAR_NUMBERS, rows, row, 3, start, stop, near);
    means_within(of->units, of->running, NEAR_NUMBERS, rows, row, 10, start, stop, far);
    for (int number = 0; number < PAGE_NUMBERS; number++)
        others[number] = (double)of_others(of, of->totals, of->addends, number, row);
    const double script_mean = others[0] / least_one, width_mean = others[1] / least_one;
    const double body_mean = others[2] / least_one, squares = larger(others[8], 1);
    const double only = page_lines == 1, title_like = of->run[row] > 0;
    const double log_run = logarithm_of_count(tables, of->run[row]), log_width = shown[5 * rows + row];
    const double body_share = body_mean / larger(width_mean, 1), has_body = body_share > 0;
    const double unrelated = (1 - of->related[row]) * has_body, not_latin = of->not_latin[row];
    const double words = (double)of->words[row], solos = (double)of->solos[row], counts = (double)of->counts[row];

    for (int label = 0; label < 5; label++)
        *out++ = own[label];
    for (int label = 0; label < 5; label++)
        *out++ = shown[label * rows + row];
    for (int number = 0; number < 9; number++)
        *out++ = larger(own[of_level[number]] - level[number], 0);
    *out++ = of->margin[row];
    for (int label = 0; label < 5; label++)
        *out++ = others[3 + label] / (sqrt(squares) * scale);
    for (int label = 0; label < 5; label++)
        *out++ = others[3 + label] / (squares * (scale / 100));
    *out++ = near[0];
    *out++ = far[0];
    *out++ = of->strongest[row];
    *out++ = log_width;
    *out++ = of->widths[row] < 25;
    *out++ = larger(log_width - levels[0], 0);
    *out++ = larger(log_width - levels[1], 0);
    *out++ = (double)of->capitals[row] / larger(words, 1);
    *out++ = (double)of->digits_and_marks[row] / counts;
    *out++ = (double)of->digits_and_marks[rows + row] / counts;
    *out++ = solos / larger(words + solos, 1);
    *out++ = not_latin;
    *out++ = fabs(not_latin - script_mean / UNIT) * (1 - only);
    *out++ = (double)of->sentences[row];
    *out++ = logarithm_of_count(tables, before);
    *out++ = logarithm_of_count(tables, other_lines - before);
    *out++ = (double)before / least_one;
    *out++ = logarithm_of_count(tables, page_lines);
    *out++ = logarithm_1p(tables, width_mean * (double)other_lines);
    *out++ = only;
    *out++ = body_share;
    for (int label = 0; label < 5; label++)
        *out++ = row > start ? shown[label * rows + row - 1] : 0;
    for (int label = 0; label < 5; label++)
        *out++ = row + 1 < stop ? shown[label * rows + row + 1] : 0;
    *out++ = row > start ? shown[5 * rows + row - 1] : 0;
    *out++ = row + 1 < stop ? shown[5 * rows + row + 1] : 0;
    *out++ = near[1];
    *out++ = far[1];
    *out++ = near[2];
    *out++ = far[2];
    *out++ = title_like;
    *out++ = log_run;
    *out++ = logarithm_of_count(tables, of->place[row]);
    *out++ = of->related[row];
    *out++ = near[3];
    *out++ = has_body;
    *out++ = unrelated * title_like;
    *out++ = unrelated * log_run;
    *out++ = log_run * log_width;
    *out++ = log_run * body_share;
    *out++ = own[4] * log_width;
    *out++ = own[0] * only;
    *out++ = own[4] * only;
    *out++ = others[9] / larger(others[10], 1) / UNIT;
    *out++ = log_of_titles(of, tables, row, 3);
    for (int number = 5; number < NEAR_NUMBERS; number++)
        *out++ = near[number] / larger(near[4], 1 / UNIT);
    *out++ = log_of_titles(of, tables, row, 10);
    for (int number = 5; number < NEAR_NUMBERS; number++)
        *out++ = far[number] / larger(far[4], 1 / UNIT);
    for (int number = 0; number < CONTEXT_NUMBERS; number++)
        values[number] = (values[number] + rounding) - rounding;
}

/* `second_look` of a row: what the first look found of it. */
void add_first_look(const page_rows *of, const elementary_tables *tables, int64_t row, const double *logs,
                    const double *shown, second_rows *second)
{
    const int64_t rows = of->rows;
    const double margin = second->margin[row] = limited(spam_odds(tables, shown), 12);
    const int64_t spam = (int64_t)rounded(margin * UNIT);
    const int64_t either = (int64_t)rounded((shown[SEO] + shown[LINK]) * UNIT);
    const int64_t width = least(of->widths[row], 400), wide = of->widths[row] >= 60 ? width : 0;
    int64_t *const own = second->addends + row;
    for (int label = 0; label < LABELS; label++)
        second->columns[label * rows + row] = logs[label];
    own[0] = spam;
    own[rows] = either;
    for (int label = LINK; label <= BOILERPLATE; label++)
        own[label * rows] = (int64_t)rounded(shown[label] * UNIT);
    own[6 * rows] = width;
    own[7 * rows] = wide;
    own[8 * rows] = spam * width;
    own[9 * rows] = most(spam, -2 * (int64_t)UNIT) * width;
    own[10 * rows] = spam * wide;
    own[11 * rows] = either * width;
}

void sum_first_look_up(const page_rows *of, second_rows *second)
{
    const int64_t rows = of->rows;
    page_totals(second->addends, 12, rows, of->edges, of->pages, second->totals);
    /* Near a line count the margin and headlines. */
    sum_behind(second->addends, 1, rows, second->running);
    sum_behind(second->addends + 3 * rows, 1, rows, second->running + rows + 1);
}

/* Mean of headlines over the other lines of its run, in units. */
static double headlines_in_run(const page_rows *of, const second_rows *second, int64_t row)
{
    const int64_t *const running = second->running + of->rows + 1;
    const int64_t run = of->run[row], first = row - of->place[row];
    const int64_t sum = running[first] - running[first + run] - (run > 0 ? second->addends[3 * of->rows + row] : 0);
    return (double)sum / (double)most(run - 1, 1);
}

/* The numbers of the second look at a row, in the order of SECOND_LOOK_NAMES. */
void second_numbers(const page_rows *of, const second_rows *second, const elementary_tables *tables, int64_t row,
                    double *values)
{
    const int64_t rows = of->rows, start = of->starts[row], stop = of->stops[row];
    const double lines = (double)most(stop - start - 1, 1), margin = second->margin[row];
    double others[12];
    for (int number = 0; number < 12; number++)
        others[number] = (double)of_others(of, second->totals, second->addends, number, row);
    const double text = others[6] + 30, wide_text = others[7] + 30;
    values[0] = margin;
    values[1] = larger(margin, 0);
    values[2] = larger(margin + 4, 0);
    for (int label = 0; label < LABELS; label++)
        values[3 + label] = larger(second->columns[label * rows + row], -24);
    values[9] = others[8] / text / UNIT;
    values[10] = others[9] / text / UNIT;
    values[11] = others[10] / wide_text / UNIT;
    values[12] = others[11] / text / UNIT;
    values[13] = logarithm_1p(tables, others[1] / UNIT);
    values[14] = others[0] / sqrt(lines) / UNIT;
    for (int place = 0; place < 3; place++) {
        const int64_t reach = (int64_t)1 << place;
        means_within(second->addends, second->running, 1, rows, row, reach, start, stop, values + 15 + place);
        means_within(second->addends + 3 * rows, second->running + rows + 1, 1, rows, row, reach, start, stop,
                     values + 18 + place);
    }
    for (int label = 0; label < 4; label++)
        values[21 + label] = others[2 + label] / lines / UNIT;
    values[25] = stop - start == 1;
    values[26] = values[25] * margin;
    const int64_t first = most(row - 2, start), end = least(row + 3, stop);
    for (int number = 0; number < 2; number++) {
        const int64_t *const running = second->running + number * (rows + 1);
        const double above = (double)(running[first] - running[row]) / (double)most(row - first, 1);
        const double below = (double)(running[row + 1] - running[end]) / (double)most(end - row - 1, 1);
        values[27 + number] = larger(above, below) / UNIT;
        values[29 + number] = -larger(-above, -below) / UNIT;
    }
    values[31] = headlines_in_run(of, second, row) / UNIT;
    values[32] = values[31] * limited(values[6] - values[3], 8);
    for (int number = 0; number < SECOND_NUMBERS; number++)
        values[number] = grained(values[number]);
}
