/* The compiled kernel: verdicts on lines by their pages, on stretches and on pages. See kernel.h. */

#include "kernel.h"

enum { LABELS = 6, SPAN_PAGE_NUMBERS = 22, DOCUMENT_NUMBERS = 4 };

/* ---- dense_model.py: `log_softmax` of columns (LABELS, rows) ---- */

/* The columns less the largest of each row; the bias is added before. In place. */
static void shift(double *columns, const double *bias, int64_t rows)
{
    for (int64_t row = 0; row < rows; row++) {
        double largest = columns[row] += bias[0];
        for (int label = 1; label < LABELS; label++)
            largest = larger(columns[label * rows + row] += bias[label], largest);
        for (int label = 0; label < LABELS; label++)
            columns[label * rows + row] -= largest;
    }
}

void shift_logits(double *columns, const double *bias, int64_t rows) { shift(columns, bias, rows); }

/* Sums of the exponentials of each row, into the first column of them. */
void sum_exponentials(double *exponentials, int64_t rows)
{
    for (int64_t row = 0; row < rows; row++)
        for (int label = 1; label < LABELS; label++)
            exponentials[row] += exponentials[label * rows + row];
}

void take_logarithms(double *columns, const double *logarithms, int64_t rows)
{
    for (int label = 0; label < LABELS; label++)
        for (int64_t row = 0; row < rows; row++)
            columns[label * rows + row] -= logarithms[row];
}

/* ---- suspicion.py ---- */

/* The rows that may hold a foreign stretch, counted from `first`; how many. strongest: (3, all), of all rows. Sums are
 * exact. */
int64_t suspicious_rows(const double *partial, const double *strongest, int64_t all, const double *weights,
                        double least_sum, int64_t first, int64_t rows, int64_t *found)
{
    int64_t count = 0;
    strongest += first;
    for (int64_t row = 0; row < rows; row++) {
        double sum = partial[row];
        for (int number = 0; number < 3; number++)
            sum += strongest[number * all + row] * weights[number];
        found[count] = first + row;
        count += sum >= least_sum;
    }
    return count;
}

/* ---- context_model.py: `page_speaks`, and what comes before and behind it ---- */

/* spam: log-odds of spam, made the margin; other: what is taken off them. columns: log-probabilities, made what
 * `log_softmax` takes the exponentials of. */
void let_pages_speak(double *spam, const double *other, double *columns, int64_t rows, const int64_t *edges,
                     int64_t pages, double from, double up_to, double alone)
{
    const double bias[LABELS] = {0};
    for (int64_t page = 0; page < pages; page++) {
        const int64_t lines = edges[page + 1] - edges[page] - 1;
        uint64_t sum = 0;
        for (int64_t row = edges[page]; row < edges[page + 1]; row++) {
            spam[row] = grained(limited(spam[row] - other[row], 12));
            sum += (uint64_t)(int64_t)(spam[row] * 256);
        }
        for (int64_t row = edges[page]; row < edges[page + 1]; row++) {
            const int64_t others = (int64_t)(sum - (uint64_t)(int64_t)(spam[row] * 256));
            const double mean = (double)others / ((double)most(lines, 1) * 256);
            const double spoken = larger(mean - from, 0);
            const double added = lines ? grained(spoken < up_to ? spoken : up_to) : alone;
            columns[rows + row] += added;
            columns[2 * rows + row] += added;
        }
    }
    shift(columns, bias, rows);
}

/* ---- page_sums.py ---- */

/* shown: (3, rows), of links, headlines and template tags. Probabilities of links and tags are made those of the rest,
 * of which the logarithm is taken. */
void rests(double *shown, int64_t rows)
{
    for (int64_t row = 0; row < rows; row++) {
        shown[row] = larger(1 - shown[row], 1e-9);
        shown[2 * rows + row] = larger(1 - shown[2 * rows + row], 1e-9);
    }
}

/* shown: as `rests` leaves it, with the logarithms. findings: (6, pages) headlines; margins of lines, text and text
 * lines; strongest link and template tag. */
void page_sums(const double *columns, const double *margin, const double *shown, const int64_t *widths, int64_t rows,
               const int64_t *edges, int64_t pages, double half, double *findings)
{
    for (int64_t page = 0; page < pages; page++) {
        const int64_t lines = edges[page + 1] - edges[page];
        uint64_t spam = 0, headlines = 0, text_lines = 0, text_width = 0, text_spam = 0, wide_spam = 0;
        double link = -12, tag = -12;
        for (int64_t row = edges[page]; row < edges[page + 1]; row++) {
            const uint64_t own = (uint64_t)(int64_t)rounded(margin[row] * UNIT);
            const uint64_t is_text = columns[5 * rows + row] < half;
            const uint64_t width = (uint64_t)least(widths[row], 400) * is_text;
            spam += own;
            headlines += (uint64_t)(int64_t)rounded(shown[rows + row] * UNIT);
            text_lines += is_text;
            text_width += width;
            text_spam += own * is_text;
            wide_spam += own * width;
            link = larger(columns[2 * rows + row] - shown[row], link);
            tag = larger(columns[4 * rows + row] - shown[2 * rows + row], tag);
        }
        findings[page] = (double)(int64_t)headlines / UNIT;
        findings[pages + page] = (double)(int64_t)spam / (double)most(lines, 1) / UNIT;
        findings[2 * pages + page] = (double)(int64_t)wide_spam / (double)most((int64_t)text_width, 1) / UNIT;
        findings[3 * pages + page] = (double)(int64_t)text_spam / (double)most((int64_t)text_lines, 1) / UNIT;
        findings[4 * pages + page] = limited(link, 12);
        findings[5 * pages + page] = limited(tag, 12);
    }
}

/* ---- span_page.py ---- */

/* `span_page_values`: (count, SPAN_PAGE_NUMBERS). odds: limited in place. strongest: (2, pages); logarithms: (2,
 * pages), of headlines and lines; log_before: (count,). Returns 0, or -1 if the caller knows another number of numbers. */
int32_t span_page_values(const int64_t *rows, double *odds, int64_t count, const double *columns, int64_t lines,
                         const int64_t *documents, const int64_t *edges, int64_t pages, const double *strongest,
                         const double *text_margins, const double *residue, const double *logarithms, const double *log_before, int64_t width,
                         double *values)
{
    if (width != SPAN_PAGE_NUMBERS)
        return -1;
    for (int64_t first = 0, stop = 0; first < count; first = stop) {
        const int64_t page = documents[rows[first]], size = edges[page + 1] - edges[page];
        double best = -12, second = -12;
        for (stop = first; stop < count && documents[rows[stop]] == page; stop++) {
            odds[stop] = limited(odds[stop], 12);
            best = larger(odds[stop], best);
        }
        for (int64_t number = first; number < stop; number++)
            if (odds[number] != best)
                second = larger(odds[number], second);
        for (int64_t number = first; number < stop; number++, values += SPAN_PAGE_NUMBERS) {
            const double own = odds[number], is_best = own == best, kinds = residue[page];
            double *out = values;
            *out++ = own;
            *out++ = larger(own, 0);
            *out++ = is_best;
            *out++ = is_best * own;
            *out++ = limited(own - (own == best ? second : best), 8);
            *out++ = size == 1;
            *out++ = logarithms[pages + page];
            *out++ = log_before[number];
            *out++ = (double)(rows[number] - edges[page]) / (double)most(size - 1, 1);
            *out++ = limited(strongest[page], 8);
            *out++ = limited(strongest[pages + page], 8);
            *out++ = logarithms[page];
            *out++ = kinds;
            *out++ = kinds * is_best;
            *out++ = kinds * own;
            *out++ = limited(text_margins[page], 12);
            for (int label = 0; label < LABELS; label++)
                *out++ = larger(columns[label * lines + rows[number]], -12);
            for (int place = 0; place < SPAN_PAGE_NUMBERS; place++)
                values[place] = grained(values[place]);
        }
    }
    return 0;
}

/* ---- document_model.py ---- */

/* `document_features`: (pages, DOCUMENT_NUMBERS). */
void document_numbers(const int64_t *span_documents, const double *span_logits, int64_t spans, const double *margins,
                      const double *residue, int64_t pages, double *values)
{
    for (int64_t page = 0; page < pages; page++)
        values[DOCUMENT_NUMBERS * page + 1] = -12;
    for (int64_t number = 0; number < spans; number++) {
        double *const span = values + DOCUMENT_NUMBERS * span_documents[number] + 1;
        *span = larger(limited(span_logits[number], 12), *span);
    }
    for (int64_t page = 0; page < pages; page++, values += DOCUMENT_NUMBERS) {
        const double span = limited(values[1], 4), kinds = residue[page] + (span / 8 + 0.5);
        values[0] = margins[page] + (margins[pages + page] + margins[2 * pages + page]) / 2;
        values[2] = kinds;
        values[3] = kinds * span;
        for (int number = 0; number < DOCUMENT_NUMBERS; number++)
            values[number] = grained(values[number]);
    }
}

/* ---- operating_points.py ---- */

/* `decide_lines`. columns: (LABELS, lines); either: log-odds of clean and boilerplate together. flagged: the labels, in
 * order, of which `limits` has the thresholds. */
void decide_lines(const double *columns, const double *either, int64_t lines, const int64_t *flagged,
                  const double *limits, int64_t count, int64_t clean, int64_t boilerplate, double boilerplate_limit,
                  int64_t *labels)
{
    for (int64_t line = 0; line < lines; line++) {
        const double *const own = columns + line;
        int64_t likeliest = flagged[0];
        int is_above = 0;
        for (int64_t number = 0; number < count; number++) {
            const double logit = own[flagged[number] * lines];
            is_above |= logit - either[line] - limits[number] >= 0;
            if (logit > own[likeliest * lines])
                likeliest = flagged[number];
        }
        if (is_above)
            labels[line] = likeliest;
        else
            labels[line] = own[boilerplate * lines] - own[clean * lines] >= boilerplate_limit ? boilerplate : clean;
    }
}
