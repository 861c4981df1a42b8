/* The compiled kernel: what is known of lines by themselves and on their pages. See kernel.h. */

#include "kernel.h"

/* ---- line_shapes.py ---- */

/* The lines of a batch and their tokens, as text.py and tokens.py have them. */
typedef struct {
    const uint32_t *chars;
    const int64_t *line_starts, *line_ends, *line_tokens, *ends;
    const uint8_t *kinds;
    const uint32_t *hashes, *firsts;
} lines_of_tokens;

/* shapes: (7, count) digits, marks, solos, capitals, latins, words, stops; widths apart. */
static void count_shapes(const lines_of_tokens *of, const int64_t *lines, int64_t count, int64_t *shapes,
                         int64_t *widths)
{
    const uint32_t *const firsts = of->firsts;
    for (int64_t row = 0; row < count; row++) {
        const int64_t start = of->line_tokens[lines[row]] + 1, stop = of->line_tokens[lines[row] + 1];
        int64_t digits = 0, marks = 0, solos = 0, capitals = 0, latins = 0;
        for (int64_t token = start; token < stop; token++) {
            const uint32_t entry = firsts[token];
            digits += entry / DIGIT & 1;
            marks += entry / MARK & 1;
            solos += entry / SOLO & 1;
            capitals += entry / UPPER & 1;
            latins += (entry >> SCRIPT_SHIFT & 15) == 1;
        }
        const int64_t values[7] = {digits, marks, solos, capitals, latins, stop - start - marks - solos,
                                   (of->chars[of->ends[stop - 1] - 1] & STOP) != 0};
        for (int place = 0; place < 7; place++)
            shapes[place * count + row] = values[place];
        widths[row] = of->line_ends[lines[row]] - of->line_starts[lines[row]] + 3 * solos / 2;
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
static void word_weights(const uint32_t *restrict hashes, const uint8_t *restrict kinds, int64_t count,
                         const int64_t *restrict line_tokens, const int64_t *restrict document_lines,
                         int64_t documents, const uint8_t *restrict body, const uint8_t *restrict idf,
                         int64_t *restrict running, uint8_t *restrict weights, uint8_t *restrict unrelated)
{
    uint8_t seen[1 << RELATED_BITS] = {0};
    weights[0] = unrelated[0] = 0;
    for (int64_t document = 0; document < documents; document++) {
        const int64_t first = document_lines[document], stop = document_lines[document + 1];
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
    running[count] = 0;
    for (int64_t token = count - 1; token >= 0; token--) {
        sum += weights[token] + ((uint64_t)(weights[token] - unrelated[token]) << 32);
        running[token] = (int64_t)sum;
    }
}

/* ---- page_features.py ---- */

enum { WEIGHED_TOKENS = 1 << 23, DOCUMENTS = 0, STARTS, STOPS, COUNTS, WIDTHS, SHAPES };

/* What is known of the lines numbered `lines`, those that are not blank: rows. columns: (5 + 7, rows) pages, first rows of
 * them and one past the last, tokens, widths, shapes. floats: (7, rows) logits of the line model, strongest, related
 * share. body: a byte for each line, zeros. */
void page_lines(const uint32_t *chars, const int64_t *line_starts, const int64_t *line_ends, const int64_t *line_tokens,
                const int64_t *ends, const uint8_t *kinds, const uint32_t *hashes, const uint32_t *firsts,
                int64_t tokens, const int64_t *lines, int64_t rows, const int64_t *document_lines, int64_t documents,
                const double *logits, const double *strongest, const int64_t *sums, const uint8_t *idf,
                int64_t body_width, uint8_t *body, int64_t *edges, int64_t *columns, double *floats, int64_t *line_sums,
                int64_t *running, uint8_t *weights, uint8_t *unrelated)
{
    const lines_of_tokens of = {chars, line_starts, line_ends, line_tokens, ends, kinds, hashes, firsts};
    count_shapes(&of, lines, rows, columns + SHAPES * rows, columns + WIDTHS * rows);
    edges[0] = 0;
    for (int64_t document = 0, row = 0; document < documents; document++) {
        const int64_t start = row;
        while (row < rows && lines[row] < document_lines[document + 1])
            row++;
        edges[document + 1] = row;
        for (int64_t member = start; member < row; member++) {
            columns[DOCUMENTS * rows + member] = document;
            columns[STARTS * rows + member] = start;
            columns[STOPS * rows + member] = row;
        }
    }
    for (int64_t row = 0; row < rows; row++)
        body[lines[row]] = columns[WIDTHS * rows + row] >= body_width;
    word_weights(hashes, kinds, tokens, line_tokens, document_lines, documents, body, idf, running, weights, unrelated);
    for (int64_t row = 0; row < rows; row++) {
        const int64_t line = lines[row], start = line_tokens[line] + 1, stop = line_tokens[line + 1];
        /* Idf of words in the lower half, of related ones in the upper. */
        const uint64_t idf_sums =
            (uint64_t)running[start] - (uint64_t)running[least(stop, start + WEIGHED_TOKENS)];
        columns[COUNTS * rows + row] = stop - start;
        for (int label = 0; label < 5; label++)
            floats[label * rows + row] = logits[5 * line + label];
        floats[5 * rows + row] = strongest[line];
        floats[6 * rows + row] = (double)((int64_t)idf_sums >> 32) / (double)most((int64_t)(idf_sums & 0xFFFFFFFFu), 1);
        memcpy(line_sums + 6 * row, sums + 6 * line, 6 * sizeof *sums);
    }
}

/* ---- suspicion.py ---- */

/* What each line holds at most in four tokens in a row: the sum of their spam weights, and the same times the share of
 * their idf that is unrelated. Line ends count as 0. result: (3, count), of which the last row is only rounded. */
void strongest_tokens(const uint64_t *words, int64_t stride, const int64_t *line_tokens, const int64_t *lines,
                      int64_t count, const uint8_t *idf, const uint8_t *unrelated, double scale, double *result)
{
    for (int64_t row = 0; row < count; row++) {
        const int64_t first = line_tokens[lines[row]] + 1;
        int32_t spam[3] = {0}, all[3] = {0}, foreign[3] = {0}; /* of the three tokens behind */
        int32_t largest = 0;
        float largest_share = 0;
        for (int64_t token = line_tokens[lines[row] + 1] - 1; token >= first; token--) {
            const int32_t own = (int32_t)most(-SPAM_LIMIT, least(low_field(words[token * stride]), SPAM_LIMIT));
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
        result[row] = grained((double)largest / scale);
        result[count + row] = grained((double)largest_share / scale);
        result[2 * count + row] = grained(result[2 * count + row]);
    }
}

/* ---- line_facts.py, neighbours.py, page_features.py, second_look.py ---- */

/* Sums over pages of numbers (count, rows). */
static void page_totals(const int64_t *values, int64_t count, int64_t rows, const int64_t *edges, int64_t pages, int64_t *totals)
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

/* Lengths of runs of title-like lines on a page, and the place of each line in its run; 0 elsewhere. */
static void find_runs(const int64_t *widths, const int64_t *sentences, int64_t first, int64_t stop, int64_t *run,
                      int64_t *place)
{
    for (int64_t row = first; row < stop;) {
        const int64_t begin = row;
        for (; row < stop && widths[row] >= 15 && widths[row] <= 150 && sentences[row] == 0; row++)
            place[row] = row - begin;
        for (int64_t member = begin; member < row; member++)
            run[member] = row - begin;
        if (row < stop) {
            run[row] = place[row] = 0;
            row++;
        }
    }
}

/* The rest of `line_facts`. shown: (6, rows), five exponentials, to be made probabilities, and the logarithm of the
 * width. margin, strongest: to be limited. */
void line_facts(double *shown, double *margin, double *strongest, const int64_t *widths, const int64_t *words,
                const int64_t *solos, const int64_t *latins, const int64_t *sentences, const double *related,
                const int64_t *sums, int64_t rows, const int64_t *edges, int64_t pages, double *not_latin, int64_t *run,
                int64_t *place, int64_t *units, int64_t *running, int64_t *addends, int64_t *totals)
{
    for (int64_t row = 0; row < rows; row++) {
        double whole = shown[row];
        for (int label = 1; label < 5; label++)
            whole += shown[label * rows + row];
        whole = 1 + whole;
        for (int label = 0; label < 5; label++)
            shown[label * rows + row] /= whole;
        not_latin[row] = 1 - (double)latins[row] / (double)most(words[row] + solos[row], 1);
        margin[row] = limited(margin[row], 8);
        strongest[row] = limited(strongest[row], 12);
        units[row] = (int64_t)rounded(margin[row] * UNIT);
        units[rows + row] = (int64_t)rounded(shown[5 * rows + row] * UNIT);
        units[2 * rows + row] = sentences[row] * (int64_t)UNIT;
        units[3 * rows + row] = (int64_t)rounded(related[row] * UNIT);
        addends[row] = (int64_t)rounded(not_latin[row] * UNIT);
        addends[rows + row] = widths[row];
        addends[2 * rows + row] = widths[row] >= 100 ? widths[row] : 0;
        for (int number = 0; number < 6; number++)
            addends[(3 + number) * rows + row] = sums[6 * row + number];
    }
    for (int64_t page = 0; page < pages; page++)
        find_runs(widths, sentences, edges[page], edges[page + 1], run, place);
    sum_behind(units, 4, rows, running);
    page_totals(addends, 9, rows, edges, pages, totals);
}

/* Means of some running numbers over the rows at most `reach` away on the page, the row itself left out. */
static void means_within(const int64_t *values, const int64_t *running, int64_t count, int64_t rows, int64_t row,
                         int64_t reach, int64_t page_start, int64_t page_stop, double *means)
{
    const int64_t first = most(row - reach, page_start), stop = least(row + reach + 1, page_stop);
    const double size = (double)most(stop - first - 1, 1);
    for (int64_t number = 0; number < count; number++, values += rows, running += rows + 1) {
        const uint64_t sum = (uint64_t)running[first] - (uint64_t)running[stop] - (uint64_t)values[row];
        means[number] = (double)(int64_t)sum / size / UNIT;
    }
}

enum { CONTEXT_NUMBERS = 80 };

static inline int64_t of_others(const int64_t *totals, const int64_t *addends, int64_t number, int64_t pages,
                                int64_t page, int64_t rows, int64_t row)
{
    return (int64_t)((uint64_t)totals[number * pages + page] - (uint64_t)addends[number * rows + row]);
}

/* What context numbers are logarithms of: (6, stop - first), one more than that. */
void context_arguments(const int64_t *starts, const int64_t *stops, const int64_t *documents, int64_t rows,
                       int64_t pages, const int64_t *totals, const int64_t *addends, const int64_t *run,
                       const int64_t *place, int64_t first, int64_t stop, double *arguments)
{
    const int64_t count = stop - first;
    for (int64_t row = first; row < stop; row++, arguments++) {
        const int64_t before = row - starts[row], page_lines = stops[row] - starts[row];
        const int64_t width = of_others(totals, addends, 1, pages, documents[row], rows, row);
        arguments[0] = (double)before;
        arguments[count] = (double)(page_lines - 1 - before);
        arguments[2 * count] = (double)page_lines;
        arguments[3 * count] = (double)width / (double)most(page_lines - 1, 1) * (double)(page_lines - 1);
        arguments[4 * count] = (double)run[row];
        arguments[5 * count] = (double)place[row];
    }
}

/* The context numbers of the rows [first, stop), in the order of `_columns`: (stop - first, width). Returns 0, or -1 if
 * the caller knows another number of them. */
int32_t context_numbers(const double *logits, const double *shown, const double *margin, const double *strongest,
                        const double *related, const double *log_width, const double *not_latin, const int64_t *widths,
                        const int64_t *words, const int64_t *solos, const int64_t *capitals, const int64_t *sentences,
                        const int64_t *digits_and_marks, const int64_t *counts, const int64_t *run,
                        const int64_t *units, const int64_t *running, const int64_t *addends, const int64_t *totals,
                        const int64_t *documents, const int64_t *starts, const int64_t *stops, int64_t rows,
                        int64_t pages, double scale, int64_t first, int64_t stop, const double *levels,
                        const double *logarithms, int64_t width, double *values)
{
    const double rounding = 0x1.8p44; /* numbers of this size are multiples of 1/256 */
    const int64_t count = stop - first;
    const int of_level[9] = {0, 0, 0, 0, 4, 4, 4, 2, 2};
    const double level[9] = {-6, -3, 0, 3, -3, 0, 3, -3, 0};
    if (width != CONTEXT_NUMBERS)
        return -1;
    for (int64_t row = first; row < stop; row++, logarithms++, values += CONTEXT_NUMBERS) {
        double own[5], near[4], far[4], others[9];
        double *out = values;
        const int64_t page_lines = stops[row] - starts[row], other_lines = page_lines - 1;
        const double least_one = (double)most(other_lines, 1);
        for (int label = 0; label < 5; label++)
            own[label] = logits[label * rows + row];
        means_within(units, running, 4, rows, row, 3, starts[row], stops[row], near);
        means_within(units, running, 4, rows, row, 10, starts[row], stops[row], far);
        for (int number = 0; number < 9; number++)
            others[number] = (double)of_others(totals, addends, number, pages, documents[row], rows, row);
        const double script_mean = others[0] / least_one, width_mean = others[1] / least_one;
        const double body_mean = others[2] / least_one, squares = larger(others[8], 1);
        const double only = page_lines == 1, title_like = run[row] > 0, log_run = logarithms[4 * count];
        const double body_share = body_mean / larger(width_mean, 1), has_body = body_share > 0;
        const double unrelated = (1 - related[row]) * has_body;

        for (int label = 0; label < 5; label++)
            *out++ = own[label];
        for (int label = 0; label < 5; label++)
            *out++ = shown[label * rows + row];
        for (int number = 0; number < 9; number++)
            *out++ = larger(own[of_level[number]] - level[number], 0);
        *out++ = margin[row];
        for (int label = 0; label < 5; label++)
            *out++ = others[3 + label] / (sqrt(squares) * scale);
        for (int label = 0; label < 5; label++)
            *out++ = others[3 + label] / (squares * (scale / 100));
        *out++ = near[0];
        *out++ = far[0];
        *out++ = strongest[row];
        *out++ = log_width[row];
        *out++ = widths[row] < 25;
        *out++ = larger(log_width[row] - levels[0], 0);
        *out++ = larger(log_width[row] - levels[1], 0);
        *out++ = (double)capitals[row] / (double)most(words[row], 1);
        *out++ = (double)digits_and_marks[row] / (double)counts[row];
        *out++ = (double)digits_and_marks[rows + row] / (double)counts[row];
        *out++ = (double)solos[row] / (double)most(words[row] + solos[row], 1);
        *out++ = not_latin[row];
        *out++ = fabs(not_latin[row] - script_mean / UNIT) * (1 - only);
        *out++ = (double)sentences[row];
        *out++ = logarithms[0];
        *out++ = logarithms[count];
        *out++ = (double)(row - starts[row]) / least_one;
        *out++ = logarithms[2 * count];
        *out++ = logarithms[3 * count];
        *out++ = only;
        *out++ = body_share;
        for (int label = 0; label < 5; label++)
            *out++ = row > starts[row] ? shown[label * rows + row - 1] : 0;
        for (int label = 0; label < 5; label++)
            *out++ = row + 1 < stops[row] ? shown[label * rows + row + 1] : 0;
        *out++ = row > starts[row] ? shown[5 * rows + row - 1] : 0;
        *out++ = row + 1 < stops[row] ? shown[5 * rows + row + 1] : 0;
        *out++ = near[1];
        *out++ = far[1];
        *out++ = near[2];
        *out++ = far[2];
        *out++ = title_like;
        *out++ = log_run;
        *out++ = logarithms[5 * count];
        *out++ = related[row];
        *out++ = near[3];
        *out++ = has_body;
        *out++ = unrelated * title_like;
        *out++ = unrelated * log_run;
        *out++ = log_run * log_width[row];
        *out++ = log_run * body_share;
        *out++ = own[4] * log_width[row];
        *out++ = own[0] * only;
        *out++ = own[4] * only;
        for (int number = 0; number < CONTEXT_NUMBERS; number++)
            values[number] = (values[number] + rounding) - rounding;
    }
    return 0;
}

/* The rest of `second_look`. exponentials: (5, rows), of the log-probabilities but the first. */
void second_addends(const double *margin, const double *exponentials, const int64_t *widths, int64_t rows,
                    const int64_t *edges, int64_t pages, int64_t *addends, int64_t *totals, int64_t *running)
{
    for (int64_t row = 0; row < rows; row++) {
        const int64_t spam = (int64_t)rounded(margin[row] * UNIT);
        const int64_t either = (int64_t)rounded((exponentials[row] + exponentials[rows + row]) * UNIT);
        const int64_t width = least(widths[row], 400), wide = widths[row] >= 60 ? width : 0;
        int64_t *const own = addends + row;
        own[0] = spam;
        own[rows] = either;
        for (int label = 1; label < 5; label++)
            own[(1 + label) * rows] = (int64_t)rounded(exponentials[label * rows + row] * UNIT);
        own[6 * rows] = width;
        own[7 * rows] = wide;
        own[8 * rows] = spam * width;
        own[9 * rows] = most(spam, -2 * (int64_t)UNIT) * width;
        own[10 * rows] = spam * wide;
        own[11 * rows] = either * width;
    }
    page_totals(addends, 12, rows, edges, pages, totals);
    /* Near a line count the margin and headlines. */
    sum_behind(addends, 1, rows, running);
    sum_behind(addends + 3 * rows, 1, rows, running + rows + 1);
}

enum { SECOND_NUMBERS = 27 };

/* Spam lines elsewhere on the page of the rows [first, stop), of which `second_numbers` takes the logarithm. */
void second_arguments(const int64_t *totals, const int64_t *addends, const int64_t *documents, int64_t rows,
                      int64_t pages, int64_t first, int64_t stop, double *arguments)
{
    for (int64_t row = first; row < stop; row++)
        *arguments++ = (double)of_others(totals, addends, 1, pages, documents[row], rows, row) / UNIT;
}

/* The numbers of the second look at the rows [first, stop): (stop - first, width). Returns 0, or -1 if the caller knows
 * another number of them. columns: (6, rows). */
int32_t second_numbers(const double *columns, const double *margin, const int64_t *totals, const int64_t *addends,
                       const int64_t *running, const int64_t *documents, const int64_t *starts, const int64_t *stops,
                       int64_t rows, int64_t pages, int64_t first, int64_t stop, const double *logarithms,
                       int64_t width, double *values)
{
    if (width != SECOND_NUMBERS)
        return -1;
    for (int64_t row = first; row < stop; row++, values += SECOND_NUMBERS) {
        const int64_t page_lines = stops[row] - starts[row];
        const double lines = (double)most(page_lines - 1, 1);
        double others[12];
        for (int number = 0; number < 12; number++)
            others[number] = (double)of_others(totals, addends, number, pages, documents[row], rows, row);
        const double text = others[6] + 30, wide_text = others[7] + 30;
        values[0] = margin[row];
        values[1] = larger(margin[row], 0);
        values[2] = larger(margin[row] + 4, 0);
        for (int label = 0; label < 6; label++)
            values[3 + label] = larger(columns[label * rows + row], -24);
        values[9] = others[8] / text / UNIT;
        values[10] = others[9] / text / UNIT;
        values[11] = others[10] / wide_text / UNIT;
        values[12] = others[11] / text / UNIT;
        values[13] = logarithms[row - first];
        values[14] = others[0] / sqrt(lines) / UNIT;
        for (int place = 0; place < 3; place++) {
            const int64_t reach = (int64_t)1 << place;
            means_within(addends, running, 1, rows, row, reach, starts[row], stops[row], values + 15 + place);
            means_within(addends + 3 * rows, running + rows + 1, 1, rows, row, reach, starts[row], stops[row],
                         values + 18 + place);
        }
        for (int label = 0; label < 4; label++)
            values[21 + label] = others[2 + label] / lines / UNIT;
        values[25] = page_lines == 1;
        values[26] = values[25] * margin[row];
        for (int number = 0; number < SECOND_NUMBERS; number++)
            values[number] = grained(values[number]);
    }
    return 0;
}
