/* The compiled kernel: the numbers of lines that both looks of the context model read. See kernel.h. */

#include "kernel.h"

/* ---- neighbours.py, page_features.py ---- */

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

/* ---- second_look.py ---- */

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
