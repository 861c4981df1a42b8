/* The compiled kernel: all that pipeline.py does with a batch, in one call. See kernel.h. */

#if defined(__linux__)
#define _DEFAULT_SOURCE
#include <sys/mman.h>
#endif
#include "kernel.h"

#include <stdlib.h>

enum { PADDED = 8, SPAN_ROOM = 64, HUGE_ROOM = 32 << 20, HUGE_PAGE = 2 << 20 };

/* In the order in which pipeline.py gives them. */
typedef struct {
    const line_model *line;
    const span_model *span;
    const elementary_tables *elementary;
    const uint8_t *idf;            /* (2**16,) */
    const double *first;           /* (CONTEXT_NUMBERS, PADDED): six labels, suspicion, nothing */
    const double *first_bias;      /* (LABELS,) */
    const double *gate;            /* (3,), of suspicion, for `strongest_tokens` */
    const double *second;          /* (SECOND_NUMBERS, PADDED) */
    const double *second_bias;     /* (LABELS,) */
    const double *page;            /* (SPAN_PAGE_NUMBERS,) */
    const double *document;        /* (3, DOCUMENT_NUMBERS) */
    const double *document_bias;   /* (3,) */
    const double *speaks;          /* (3,) */
    const double *levels;          /* (2,) */
    const double *blank_logits;    /* (LABELS,) */
    const double *empty_logits;    /* (4,) */
    double least_sum, page_bias, scale;
    int64_t body_width;
    int64_t widths[5]; /* how many numbers the caller knows */
} stages;

/* Memory of a batch: measured first, then handed out. */
typedef struct {
    char *base;
    size_t used;
} arena;

static void *take(arena *from, int64_t count, size_t size)
{
    void *const place = from->base ? from->base + from->used : NULL;
    from->used += ((size_t)count * size + 15) / 16 * 16;
    return place;
}

/* Room for all of a batch. A large one, which the allocator does not keep for the next (memory.py), asks the system for huge
 * pages: there are thousands of small ones to get. */
static char *room_for(size_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    void *place;
    if (size >= HUGE_ROOM) {
        if (posix_memalign(&place, HUGE_PAGE, size))
            return NULL;
        madvise(place, size, MADV_HUGEPAGE);
        return place;
    }
#endif
    return malloc(size);
}

static int64_t *take_integers(arena *from, int64_t count) { return take(from, count, sizeof(int64_t)); }

static double *take_doubles(arena *from, int64_t count) { return take(from, count, sizeof(double)); }

/* All arrays of a batch. */
typedef struct {
    token_batch batch;
    page_rows rows;
    second_rows second;
    page_findings findings;
    found_spans spans;
    double *line_logits, *line_strongest; /* (lines, 5), (lines,) */
    int64_t *line_sums;                   /* (lines, 6) */
    uint8_t *body;
    double *columns, *shown, *margin;     /* (LABELS, rows), twice, (rows,), of the second look */
    int64_t *suspicious, *looked_at;      /* rows, and the numbers of their lines */
    int64_t suspects;
} workplace;

static void lay_tokens(arena *from, token_batch *batch)
{
    const int64_t room = batch->tokens + 1;
    batch->begins = take_integers(from, room);
    batch->ends = take_integers(from, room);
    batch->line_tokens = take_integers(from, batch->lines + 2);
    batch->words = take(from, 2 * room, sizeof(uint64_t));
    batch->hashes = take(from, room, sizeof(uint32_t));
    batch->firsts = take(from, room, sizeof(uint32_t));
    batch->kinds = take(from, room, sizeof(uint8_t));
}

static void lay_rows(arena *from, page_rows *rows, int64_t tokens)
{
    const int64_t count = rows->rows, pages = rows->pages;
    int64_t **const integers[] = {&rows->documents, &rows->starts, &rows->stops, &rows->counts, &rows->widths,
                                  &rows->solos, &rows->capitals, &rows->latins, &rows->words, &rows->sentences,
                                  &rows->run, &rows->place};
    double **const doubles[] = {&rows->margin, &rows->strongest, &rows->related, &rows->not_latin};
    for (size_t place = 0; place < sizeof integers / sizeof *integers; place++)
        *integers[place] = take_integers(from, count);
    for (size_t place = 0; place < sizeof doubles / sizeof *doubles; place++)
        *doubles[place] = take_doubles(from, count);
    rows->edges = take_integers(from, pages + 1);
    rows->digits_and_marks = take_integers(from, 2 * count);
    rows->logits = take_doubles(from, 5 * count);
    rows->shown = take_doubles(from, 6 * count);
    rows->sums = take_integers(from, 6 * count);
    rows->units = take_integers(from, NEAR_NUMBERS * count);
    rows->running = take_integers(from, NEAR_NUMBERS * (count + 1));
    rows->addends = take_integers(from, PAGE_NUMBERS * count);
    rows->totals = take_integers(from, PAGE_NUMBERS * pages);
    rows->word_running = take_integers(from, tokens + 1);
    rows->idf = take(from, tokens, sizeof(uint8_t));
    rows->unrelated = take(from, tokens, sizeof(uint8_t));
}

static void lay_second(arena *from, second_rows *second, int64_t rows, int64_t pages)
{
    second->columns = take_doubles(from, LABELS * rows);
    second->margin = take_doubles(from, rows);
    second->addends = take_integers(from, 12 * rows);
    second->totals = take_integers(from, 12 * pages);
    second->running = take_integers(from, 2 * (rows + 1));
}

static void lay_findings(arena *from, page_findings *findings, int64_t pages)
{
    double **const all[] = {&findings->headlines, findings->margins, findings->margins + 1, findings->margins + 2,
                            findings->strongest, findings->strongest + 1, &findings->residue};
    for (size_t place = 0; place < sizeof all / sizeof *all; place++)
        *all[place] = take_doubles(from, pages);
    findings->opening = take_integers(from, pages);
}

static void lay_out(arena *from, workplace *at, int64_t most_spans)
{
    const int64_t lines = at->batch.lines, rows = at->rows.rows, pages = at->rows.pages;
    at->line_logits = take_doubles(from, 5 * lines);
    at->line_strongest = take_doubles(from, lines);
    at->line_sums = take_integers(from, 6 * lines);
    at->body = take(from, lines, sizeof(uint8_t));
    lay_rows(from, &at->rows, at->batch.tokens);
    lay_second(from, &at->second, rows, pages);
    lay_findings(from, &at->findings, pages);
    at->columns = take_doubles(from, LABELS * rows);
    at->shown = take_doubles(from, LABELS * rows);
    at->margin = take_doubles(from, rows);
    at->suspicious = take_integers(from, rows);
    at->looked_at = take_integers(from, rows);
    at->spans.rows = take_integers(from, most_spans);
}

/* Lines that are not blank; how many. */
static int64_t find_rows(const token_batch *batch, int64_t *lines)
{
    int64_t count = 0;
    for (int64_t line = 0; line < batch->lines; line++) {
        lines[count] = line;
        count += batch->line_tokens[line + 1] - batch->line_tokens[line] > 1;
    }
    return count;
}

/* Written out for vectors that any machine has: left to itself gcc lays the loop out across numbers, three times slower. */
enum { LANES = 2 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

/* Numbers are multiples of 1/256, weights of 1/65536: exact in any order. weights: (count, PADDED). */
static void multiply(const double *numbers, int64_t count, const double *weights, double *sums)
{
    lanes even[PADDED / LANES] = {{0}}, odd[PADDED / LANES] = {{0}}, row;
    for (int64_t number = 0; number + 1 < count; number += 2)
        for (int part = 0; part < PADDED / LANES; part++) {
            memcpy(&row, weights + number * PADDED + part * LANES, sizeof row);
            even[part] += numbers[number] * row;
            memcpy(&row, weights + (number + 1) * PADDED + part * LANES, sizeof row);
            odd[part] += numbers[number + 1] * row;
        }
    for (int part = 0; part < PADDED / LANES; part++) {
        if (count % 2) {
            memcpy(&row, weights + (count - 1) * PADDED + part * LANES, sizeof row);
            even[part] += numbers[count - 1] * row;
        }
        even[part] += odd[part];
    }
    memcpy(sums, even, sizeof even);
}

/* Log-probabilities of the sums of a row, in place; and probabilities. */
static void see(const elementary_tables *of, const double *bias, double *sums, double *shown)
{
    for (int label = 0; label < LABELS; label++)
        sums[label] += bias[label];
    softmax(of, sums, shown);
}

/* `judge_lines`: both looks, the lines that the span stage looks at, and what their page says of lines. */
static void judge_lines(const stages *model, workplace *at)
{
    const elementary_tables *const of = model->elementary;
    page_rows *const rows = &at->rows;
    double numbers[CONTEXT_NUMBERS], sums[PADDED], shown[LABELS], strongest[3];
    for (int64_t row = 0; row < rows->rows; row++) {
        context_numbers(rows, of, row, model->scale, model->levels, numbers);
        multiply(numbers, CONTEXT_NUMBERS, model->first, sums);
        strongest_tokens(&at->batch, of, rows, row, model->scale, strongest);
        for (int number = 0; number < 3; number++)
            sums[LABELS] += strongest[number] * model->gate[number];
        at->suspicious[at->suspects] = row;
        at->looked_at[at->suspects] = rows->lines[row];
        at->suspects += sums[LABELS] >= model->least_sum;
        see(of, model->first_bias, sums, shown);
        add_first_look(rows, of, row, sums, shown, &at->second);
    }
    sum_first_look_up(rows, &at->second);
    for (int64_t row = 0; row < rows->rows; row++) {
        second_numbers(rows, &at->second, of, row, numbers);
        multiply(numbers, SECOND_NUMBERS, model->second, sums);
        see(of, model->second_bias, sums, shown);
        at->margin[row] = limited(spam_odds(of, shown), 12);
        for (int label = 0; label < LABELS; label++) {
            at->columns[label * rows->rows + row] = sums[label];
            at->shown[label * rows->rows + row] = shown[label];
        }
    }
    let_pages_speak(rows, of, model->speaks, at->columns, at->shown, at->margin);
}

/* `find_candidates`, with their log-odds instead of their numbers. lines: (room,) of the caller. Returns 0, or -1 if the
 * model asks for more than there is room for. */
static int32_t find_all_spans(const stages *model, workplace *at, int64_t *lines)
{
    const token_batch *const batch = &at->batch;
    found_spans *const spans = &at->spans;
    double numbers[SPAN_ROOM * SPAN_NUMBERS];
    int64_t next[2] = {0, 0}, place = 0;
    while (next[0] < at->suspects) {
        const int64_t first = spans->count;
        const int64_t found =
            find_spans(model->span, model->line, batch->chars, batch->begins, batch->ends, batch->kinds, batch->hashes,
                       batch->firsts, batch->words, at->rows.word_running, batch->line_tokens, at->looked_at,
                       at->suspects, SPAN_ROOM, next, lines + first, spans->first + first, spans->last + first, numbers);
        if (found < 0)
            return -1;
        for (int64_t number = 0; number < found; number++) {
            while (at->looked_at[place] != lines[first + number])
                place++;
            spans->rows[first + number] = at->suspicious[place];
            spans->odds[first + number] = span_odds(model->span, numbers + SPAN_NUMBERS * number);
        }
        spans->count += found;
    }
    return 0;
}

/* Offset in the caller's string of a character that was kept. skipped: how many were dropped before it. */
static int64_t original_place(const int64_t *dropped, int64_t dropped_count, int64_t place)
{
    int64_t low = 0, high = dropped_count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (dropped[middle] - middle <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return place + low;
}

/* Scores of a batch, as `document_scores` has them.
 *
 * chars: `count` characters. line_ends: (lines,). offsets, document_lines: (documents + 1,). span_*: as many as there
 * may be. logits: (LABELS, lines). Returns how many spans there are, -1 if there is no memory, if the model asks for more
 * than there is room for, or if the caller knows other numbers than these. */
int64_t score_batch(const stages *model, const uint32_t *chars, int64_t count, int64_t tokens, const int64_t *line_ends,
                    int64_t lines, const int64_t *document_lines, const int64_t *offsets, int64_t documents,
                    const int64_t *dropped, int64_t dropped_count, int64_t most_spans, double *logits,
                    int64_t *span_lines, int64_t *span_starts, int64_t *span_ends, double *span_logits,
                    int64_t *span_edges, double *document_logits)
{
    const elementary_tables *const of = model->elementary;
    const int64_t widths[5] = {CONTEXT_NUMBERS, SECOND_NUMBERS, SPAN_NUMBERS, SPAN_PAGE_NUMBERS, DOCUMENT_NUMBERS};
    workplace at = {.batch = {lines, tokens, documents, chars, line_ends, document_lines},
                    .rows = {.rows = lines, .pages = documents},
                    .spans = {.first = span_starts, .last = span_ends, .odds = span_logits}};
    arena from = {NULL, 0};
    if (memcmp(widths, model->widths, sizeof widths))
        return -1;
    /* There are at most as many rows as lines. */
    for (int pass = 0; pass < 2; pass++) {
        if (pass && !(from.base = room_for(from.used + 1)))
            return -1;
        from.used = 0;
        lay_tokens(&from, &at.batch);
        at.rows.lines = take_integers(&from, lines + 1);
        lay_out(&from, &at, most_spans);
    }
    tokenize(chars, count, at.batch.begins, at.batch.ends, at.batch.kinds, at.batch.hashes, at.batch.firsts,
             at.batch.line_tokens);
    line_words(model->line, chars, at.batch.begins, at.batch.ends, at.batch.kinds, at.batch.hashes, tokens,
               at.batch.words);
    line_scores(model->line, at.batch.words, at.batch.line_tokens, lines, at.line_logits, at.line_strongest,
                at.line_sums);
    at.rows.rows = find_rows(&at.batch, at.rows.lines);
    memset(at.body, 0, (size_t)lines);
    look_at_lines(&at.batch, of, at.line_logits, at.line_strongest, at.line_sums, model->idf, model->body_width,
                  at.body, &at.rows);
    judge_lines(model, &at);
    if (find_all_spans(model, &at, span_lines)) {
        free(from.base);
        return -1;
    }
    sum_pages_up(&at.rows, of, at.shown, at.margin, model->body_width, &at.findings);
    judge_spans(&at.rows, of, at.columns, &at.findings, model->page, model->page_bias, &at.spans);
    judge_pages(&at.rows, of, &at.findings, &at.spans, model->document, model->document_bias, document_logits);

    for (int label = 0; label < LABELS; label++) {
        for (int64_t line = 0; line < lines; line++)
            logits[label * lines + line] = model->blank_logits[label];
        for (int64_t row = 0; row < at.rows.rows; row++)
            logits[label * lines + at.rows.lines[row]] = at.columns[label * at.rows.rows + row];
    }
    for (int64_t document = 0, span = 0; document < documents; document++) {
        if (at.rows.edges[document] == at.rows.edges[document + 1])
            memcpy(document_logits + 4 * document, model->empty_logits, 4 * sizeof *model->empty_logits);
        span_edges[document] = span;
        for (; span < at.spans.count && span_lines[span] < document_lines[document + 1]; span++) {
            const int64_t first = at.batch.begins[span_starts[span]], last = at.batch.ends[span_ends[span]] - 1;
            span_starts[span] = original_place(dropped, dropped_count, first) - offsets[document];
            span_ends[span] = original_place(dropped, dropped_count, last) + 1 - offsets[document];
        }
    }
    span_edges[documents] = at.spans.count;
    free(from.base);
    return at.spans.count;
}
