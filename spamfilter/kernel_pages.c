/* The compiled kernel: verdicts on lines by their pages, on stretches and on pages, and decisions. See kernel.h. */

#include "kernel.h"

/* ---- dense_model.py ---- */

/* Logits of a row become log-probabilities; and probabilities. */
void softmax(const elementary_tables *of, double *logits, double *shown)
{
    double largest = logits[0], whole = 0;
    for (int label = 1; label < LABELS; label++)
        largest = larger(logits[label], largest);
    for (int label = 0; label < LABELS; label++) {
        shown[label] = exponential(of, logits[label] -= largest);
        whole += shown[label];
    }
    const double logarithm_of_whole = logarithm(of, whole);
    for (int label = 0; label < LABELS; label++) {
        logits[label] -= logarithm_of_whole;
        shown[label] /= whole;
    }
}

/* ---- context_model.py ---- */

/* The end of `look_again`: what a page in doubt adds to its lines. columns, shown: (LABELS, rows), log-probabilities and
 * probabilities. margin: of spam, to be rounded. speaks: SPEAKS. */
void let_pages_speak(const page_rows *rows, const elementary_tables *of, const double *speaks, double *columns,
                     double *shown, double *margin)
{
    const int64_t all = rows->rows;
    for (int64_t page = 0; page < rows->pages; page++) {
        const int64_t first = rows->edges[page], stop = rows->edges[page + 1], lines = stop - first - 1;
        uint64_t sum = 0;
        for (int64_t row = first; row < stop; row++) {
            margin[row] = grained(margin[row]);
            sum += (uint64_t)(int64_t)(margin[row] * 256);
        }
        for (int64_t row = first; row < stop; row++) {
            const int64_t others = (int64_t)(sum - (uint64_t)(int64_t)(margin[row] * 256));
            const double mean = (double)others / ((double)most(lines, 1) * 256);
            const double spoken = larger(mean - speaks[0], 0);
            const double added = lines ? grained(spoken < speaks[1] ? spoken : speaks[1]) : speaks[2];
            const double factor = exponential(of, added);
            double whole = 0;
            for (int label = SEO; label <= LINK; label++) {
                columns[label * all + row] += added;
                shown[label * all + row] *= factor;
            }
            for (int label = 0; label < LABELS; label++)
                whole += shown[label * all + row];
            const double logarithm_of_whole = logarithm(of, whole);
            for (int label = 0; label < LABELS; label++) {
                columns[label * all + row] -= logarithm_of_whole;
                shown[label * all + row] /= whole;
            }
        }
    }
}

/* ---- page_sums.py ---- */

static inline double likely(double odds) { return limited(odds, 4) / 8 + 0.5; }

static inline double odds_of(double shown) { return shown / larger(1 - shown, 1e-9); }

/* shown: (LABELS, rows), probabilities. */
void sum_pages_up(const page_rows *rows, const elementary_tables *of, const double *shown, const double *margin,
                  int64_t body_width, page_findings *findings)
{
    const int64_t all = rows->rows;
    for (int64_t page = 0; page < rows->pages; page++) {
        const int64_t lines = rows->edges[page + 1] - rows->edges[page];
        int64_t opening = -1;
        uint64_t spam = 0, headlines = 0, text_lines = 0, text_width = 0, text_spam = 0, wide_spam = 0;
        double link = 0, tag = 0;
        for (int64_t row = rows->edges[page]; row < rows->edges[page + 1]; row++) {
            const uint64_t own = (uint64_t)(int64_t)rounded(margin[row] * UNIT);
            const uint64_t is_text = shown[BOILERPLATE * all + row] < 0.5;
            const uint64_t width = (uint64_t)least(rows->widths[row], 400) * is_text;
            spam += own;
            headlines += (uint64_t)(int64_t)rounded(shown[HEADLINE * all + row] * UNIT);
            text_lines += is_text;
            text_width += width;
            text_spam += own * is_text;
            wide_spam += own * width;
            if (opening < 0 && rows->widths[row] >= body_width)
                opening = row;
            link = larger(odds_of(shown[LINK * all + row]), link);
            tag = larger(odds_of(shown[TEMPLATE * all + row]), tag);
        }
        findings->opening[page] = opening;
        findings->headlines[page] = (double)(int64_t)headlines / UNIT;
        findings->margins[0][page] = (double)(int64_t)spam / (double)most(lines, 1) / UNIT;
        findings->margins[1][page] = (double)(int64_t)wide_spam / (double)most((int64_t)text_width, 1) / UNIT;
        findings->margins[2][page] = (double)(int64_t)text_spam / (double)most((int64_t)text_lines, 1) / UNIT;
        findings->strongest[0][page] = lines ? limited(logarithm(of, link), 12) : -12;
        findings->strongest[1][page] = lines ? limited(logarithm(of, tag), 12) : -12;
        findings->residue[page] = likely(findings->strongest[0][page]) + likely(findings->strongest[1][page]) +
                                  likely(logarithm(of, findings->headlines[page] + 1e-6));
    }
}

/* ---- span_page.py, span_model.py ---- */

enum { ONLY_LINE = 5 };

/* `span_page_values` of a stretch, in the order of SPAN_PAGE_NAMES. second: the next best odds of its page. */
static void span_page_numbers(const page_rows *rows, const elementary_tables *of, const double *columns,
                              const page_findings *findings, int64_t row, double own, double best, double second,
                              double *out)
{
    const int64_t page = rows->documents[row], before = row - rows->edges[page];
    const int64_t size = rows->edges[page + 1] - rows->edges[page];
    const double is_best = own == best, kinds = findings->residue[page], opens = row == findings->opening[page];
    double *const numbers = out;
    if (size == 1) {
        /* A line that is a page of its own has nobody to ask. */
        memset(numbers, 0, SPAN_PAGE_NUMBERS * sizeof *numbers);
        numbers[0] = grained(own);
        numbers[ONLY_LINE] = 1;
        return;
    }
    *out++ = own;
    *out++ = larger(own, 0);
    *out++ = is_best;
    *out++ = is_best * own;
    *out++ = limited(own - (own == best ? second : best), 8);
    *out++ = 0;
    *out++ = logarithm_of_count(of, size);
    *out++ = logarithm_of_count(of, before);
    *out++ = (double)before / (double)most(size - 1, 1);
    *out++ = limited(findings->strongest[0][page], 8);
    *out++ = limited(findings->strongest[1][page], 8);
    *out++ = logarithm_1p(of, findings->headlines[page]);
    *out++ = kinds;
    *out++ = kinds * is_best;
    *out++ = kinds * own;
    *out++ = limited(findings->margins[1][page], 12);
    *out++ = opens;
    *out++ = opens * kinds;
    for (int label = 0; label < LABELS; label++)
        *out++ = larger(columns[label * rows->rows + row], -12);
    for (int place = 0; place < SPAN_PAGE_NUMBERS; place++)
        numbers[place] = grained(numbers[place]);
}

/* `SpanModel.judge`: odds by themselves become odds on the page. */
void judge_spans(const page_rows *rows, const elementary_tables *of, const double *columns, const page_findings *findings,
                 const double *weights, double bias, found_spans *spans)
{
    double *const odds = spans->odds;
    for (int64_t first = 0, stop = 0; first < spans->count; first = stop) {
        const int64_t page = rows->documents[spans->rows[first]];
        double best = -12, second = -12;
        for (stop = first; stop < spans->count && rows->documents[spans->rows[stop]] == page; stop++) {
            odds[stop] = limited(odds[stop], 12);
            best = larger(odds[stop], best);
        }
        for (int64_t number = first; number < stop; number++)
            if (odds[number] != best)
                second = larger(odds[number], second);
        for (int64_t number = first; number < stop; number++) {
            double numbers[SPAN_PAGE_NUMBERS], sum = bias;
            span_page_numbers(rows, of, columns, findings, spans->rows[number], odds[number], best, second, numbers);
            for (int place = 0; place < SPAN_PAGE_NUMBERS; place++)
                sum += numbers[place] * weights[place];
            odds[number] = sum;
        }
    }
}

/* ---- document_model.py ---- */

enum { DECISIONS = 3, KINDS = 4 };

/* `document_features` and `kind_log_probabilities`: logits (pages, KINDS). weights: (DECISIONS, DOCUMENT_NUMBERS). */
void judge_pages(const page_rows *rows, const elementary_tables *of, const page_findings *findings, const found_spans *spans,
                 const double *weights, const double *bias, double *logits)
{
    int64_t number = 0;
    for (int64_t page = 0; page < rows->pages; page++, logits += KINDS) {
        double strongest = -12, chosen[DECISIONS], passed_over[DECISIONS];
        for (; number < spans->count && rows->documents[spans->rows[number]] == page; number++)
            strongest = larger(limited(spans->odds[number], 12), strongest);
        const double text = (findings->margins[1][page] + findings->margins[2][page]) / 2;
        const double kinds = findings->residue[page] + likely(strongest);
        const double numbers[DOCUMENT_NUMBERS] = {grained(findings->margins[0][page] + text), grained(strongest),
                                                  grained(kinds), grained(kinds * limited(strongest, 4))};
        for (int decision = 0; decision < DECISIONS; decision++) {
            double sum = bias[decision];
            for (int place = 0; place < DOCUMENT_NUMBERS; place++)
                sum += numbers[place] * weights[DOCUMENT_NUMBERS * decision + place];
            chosen[decision] = -log_add_exp(of, 0, -sum);
            passed_over[decision] = log_add_exp(of, 0, sum);
        }
        /* What is left of the page when it is neither of the kinds before. */
        double left = -passed_over[0];
        logits[3] = chosen[0];
        logits[2] = left + chosen[1];
        left -= passed_over[1];
        logits[1] = left + chosen[2];
        logits[0] = left - passed_over[2];
    }
}

/* ---- operating_points.py, scores.py ---- */

enum { SPAN_LIMIT = 4 }; /* behind those of the flagged labels */

static int64_t label_of(const double *own, int64_t lines, double either, const double *limits, double boilerplate)
{
    int64_t likeliest = SEO;
    int is_above = 0;
    for (int label = SEO; label <= TEMPLATE; label++) {
        const double logit = own[label * lines];
        is_above |= logit - either - limits[label - SEO] >= 0;
        if (logit > own[likeliest * lines])
            likeliest = label;
    }
    if (is_above)
        return likeliest;
    return own[BOILERPLATE * lines] - own[CLEAN * lines] >= boilerplate ? BOILERPLATE : CLEAN;
}

/* `decide`. columns: (LABELS, lines). limits: of the flagged labels, of spans. line_edges, flagged_edges: (documents + 1,).
 * document_logits: (documents, KINDS). counts: flagged lines, spans that are chosen. */
void decide(const elementary_tables *of, const double *columns, int64_t lines, const int64_t *line_edges, int64_t documents,
            const int64_t *span_lines, const double *span_logits, int64_t spans, const double *document_logits,
            const double *limits, double document_limit, double boilerplate, int64_t *labels, int64_t *flagged,
            int64_t *flagged_edges, int64_t *chosen, int64_t *kinds, double *spam_logits, int64_t *counts)
{
    int64_t count = 0, flags = 0;
    for (int64_t line = 0; line < lines; line++) {
        const double *const own = columns + line;
        const double either = log_add_exp(of, own[CLEAN * lines], own[BOILERPLATE * lines]);
        labels[line] = label_of(own, lines, either, limits, boilerplate);
    }
    for (int64_t span = 0; span < spans; span++)
        if (span_logits[span] >= limits[SPAN_LIMIT]) {
            labels[span_lines[span]] = SEO;
            chosen[count++] = span;
        }
    for (int64_t document = 0, line = 0; document < documents; document++, document_logits += KINDS) {
        const double clean = document_logits[0], residue = document_logits[1];
        const double farm = document_logits[2], spam = document_logits[3];
        flagged_edges[document] = flags;
        for (; line < line_edges[document + 1]; line++)
            if (labels[line] != CLEAN && labels[line] != BOILERPLATE)
                flagged[flags++] = line;
        if (line_edges[document + 1] == line_edges[document])
            spam_logits[document] = -INFINITY;
        else
            spam_logits[document] = log_add_exp(of, farm, spam) - log_add_exp(of, clean, residue);
        kinds[document] = flags > flagged_edges[document];
        if (spam_logits[document] >= document_limit)
            kinds[document] = 2 + (spam > farm);
    }
    flagged_edges[documents] = flags;
    counts[0] = flags;
    counts[1] = count;
}
