/* The compiled kernel: its version, characters and tokens. See kernel.h. */

#include "kernel.h"

int32_t kernel_version(void) { return KERNEL_VERSION; }

/* Whether this machine can run what kernel_build.py compiles for newer ones. */
int32_t is_newer_machine(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

/* ---- encode: text.py ---- */

enum { FOLD_BLOCK = 1024, FOLD_STRIDE = 16 };

/* What `encode` has written. `begin`: where the document begins among the code points; `line_start`: the line. */
typedef struct {
    const uint32_t *codes, *table;
    uint32_t *chars;
    int64_t *ends, *original_starts, *original_ends, *dropped;
    int64_t room, dropped_room, fill, lines, dropped_count, begin, line_start;
    uint32_t last;
} folding;

/* A line ends with the code point i and the character `place`. Returns 0, or -1 if there is no room. */
static int32_t end_line(folding *to, int64_t i, int64_t place)
{
    const int paired = to->codes[i] == 10 && i > to->begin && to->codes[i - 1] == 13;
    if (to->lines == to->room)
        return -1;
    to->original_starts[to->lines] = to->line_start - to->begin;
    to->original_ends[to->lines] = i - to->begin - paired;
    to->line_start = i + 1;
    to->ends[++to->lines] = place;
    return 0;
}

/* Code points [first, end) of a document that goes on to `stop`, of which some are dropped or carriage returns. */
static int32_t fold_slowly(folding *to, int64_t first, int64_t end, int64_t stop)
{
    for (int64_t i = first; i < end; i++) {
        const uint32_t code = to->codes[i], entry = to->table[code < to->last ? code : to->last];
        /* The first half of a line end goes. */
        if (entry & DROPPED || (code == 13 && i + 1 < stop && to->codes[i + 1] == 10)) {
            if (to->dropped_count < to->dropped_room)
                to->dropped[to->dropped_count] = i;
            to->dropped_count++;
            continue;
        }
        if (entry == NEWLINE && end_line(to, i, to->fill))
            return -1;
        to->chars[to->fill++] = entry;
    }
    return 0;
}

static int32_t fold_block(folding *to, int64_t first, int64_t end, int64_t stop)
{
    const uint32_t *const restrict codes = to->codes + first, *const restrict table = to->table;
    uint32_t *const restrict chars = to->chars + to->fill;
    const uint32_t last = to->last;
    const int64_t count = end - first;
    uint32_t bits = 0, returns = 0;
    for (int64_t place = 0; place < count; place++) {
        const uint32_t code = codes[place], entry = table[code < last ? code : last];
        chars[place] = entry;
        bits |= entry;
        returns |= code == 13;
    }
    if (bits & DROPPED || returns)
        return fold_slowly(to, first, end, stop);
    for (int64_t stride = 0; stride < count; stride += FOLD_STRIDE) {
        uint32_t found = 0;
        if (stride + FOLD_STRIDE <= count) {
            for (int64_t place = stride; place < stride + FOLD_STRIDE; place++)
                found |= chars[place] == NEWLINE;
            if (!found)
                continue;
        }
        for (int64_t place = stride; place < least(stride + FOLD_STRIDE, count); place++)
            if (chars[place] == NEWLINE && end_line(to, first + place, to->fill + place))
                return -1;
    }
    to->fill += count;
    return 0;
}

/* Most lines that there may be: carriage returns and line feeds. */
int64_t count_line_ends(const uint32_t *codes, int64_t count)
{
    int64_t ends = 0;
    for (int64_t first = 0; first < count; first += FOLD_BLOCK) {
        const int64_t stop = least(first + FOLD_BLOCK, count);
        uint32_t found = 0;
        for (int64_t i = first; i < stop; i++)
            found += (codes[i] == 10) | (codes[i] == 13);
        ends += found;
    }
    return ends;
}

/* Folds the code points of all documents. counts: kept characters, line ends, dropped characters. Line arrays have room
 * for `room` lines, `dropped` for its own number of places: there may be more. Returns 0, or -1 if the table folds line
 * ends in a way of its own. */
int32_t encode(const uint32_t *codes, const int64_t *offsets, int64_t documents, const uint32_t *table,
               int64_t table_size, int64_t room, int64_t dropped_room, uint32_t *chars, int64_t *ends,
               int64_t *original_starts, int64_t *original_ends, int64_t *document_lines, int64_t *dropped,
               int64_t *counts)
{
    folding to = {codes, table, chars, ends, original_starts, original_ends, dropped, room, dropped_room, 1, 0, 0, 0, 0,
                  (uint32_t)(table_size - 1)};
    chars[0] = table[codes[0] < to.last ? codes[0] : to.last];
    if (chars[0] != NEWLINE)
        return -1;
    ends[0] = 0;
    for (int64_t document = 0; document < documents; document++) {
        const int64_t stop = offsets[document + 1];
        to.begin = to.line_start = offsets[document];
        document_lines[document] = to.lines;
        for (int64_t first = to.begin; first < stop; first += FOLD_BLOCK)
            if (fold_block(&to, first, least(first + FOLD_BLOCK, stop), stop))
                return -1;
        if (to.line_start != stop)
            return -1;
    }
    document_lines[documents] = to.lines;
    counts[0] = to.fill;
    counts[1] = to.lines;
    counts[2] = to.dropped_count;
    return 0;
}

/* Places of the characters that `encode` has dropped, where it had too little room for them. */
void dropped_places(const uint32_t *codes, const int64_t *offsets, int64_t documents, const uint32_t *table,
                    int64_t table_size, int64_t *places)
{
    const uint32_t last = (uint32_t)(table_size - 1);
    for (int64_t document = 0; document < documents; document++)
        for (int64_t i = offsets[document]; i < offsets[document + 1]; i++) {
            const uint32_t entry = table[codes[i] < last ? codes[i] : last];
            if (entry & DROPPED || (codes[i] == 13 && i + 1 < offsets[document + 1] && codes[i + 1] == 10))
                *places++ = i;
        }
}

/* ---- tokens.py ---- */

static inline uint32_t kind_of(uint32_t entry) { return (entry >> 16) & (KIND_WORD | KIND_SOLO | KIND_MARK); }

int64_t count_tokens(const uint32_t *chars, int64_t count)
{
    int64_t tokens = count > 0;
    for (int64_t first = 1; first < count; first += 1 << 20) {
        const int64_t stop = least(first + (1 << 20), count);
        uint32_t found = 0;
        for (int64_t i = first; i < stop; i++)
            found += (kind_of(chars[i]) & ~(kind_of(chars[i - 1]) & KIND_WORD)) != 0 || chars[i] == NEWLINE;
        tokens += found;
    }
    return tokens;
}

enum { TOKEN_BLOCK = 2048 };

static uint32_t hash_of(const uint32_t *chars, int64_t count)
{
    uint32_t hash = 0, power = 1;
    for (int64_t i = 0; i < count; i++, power *= BASE)
        hash += (chars[i] & CODE) * power;
    return hash;
}

/* Kinds of the characters [first, stop), with those before and behind: kinds[1] belongs to `first`. */
static void kinds_of(const uint32_t *restrict chars, int64_t count, int64_t first, int64_t stop, uint8_t *restrict kinds)
{
    kinds[0] = (uint8_t)(first ? kind_of(chars[first - 1]) : 0);
    for (int64_t place = 0; place < stop - first; place++) {
        const uint32_t entry = chars[first + place];
        kinds[place + 1] = (uint8_t)(kind_of(entry) | (entry == NEWLINE ? KIND_LINE_END : 0));
    }
    kinds[stop - first + 1] = (uint8_t)(stop < count ? kind_of(chars[stop]) : 0);
}

/* Begins and ends of the tokens among `count` characters from `first` on, behind what has been found before. Both arrays
 * have room for one more than there are: each character is written as if a token began or ended there, but only where
 * one does is the place kept. The length of a word cannot be foretold, so that branches would cost more. */
static void find_tokens(const uint8_t *restrict kinds, int64_t first, int64_t count, int64_t *restrict begins,
                        int64_t *restrict ends, int64_t *begun, int64_t *ended)
{
    uint8_t opens[TOKEN_BLOCK], closes[TOKEN_BLOCK];
    int64_t opened = *begun, closed = *ended;
    for (int64_t place = 0; place < count; place++) {
        /* A word goes on where a character continues that of the one before. */
        opens[place] = (kinds[place + 1] & ~(kinds[place] & KIND_WORD)) != 0;
        closes[place] = (kinds[place + 1] & ~(kinds[place + 2] & KIND_WORD)) != 0;
    }
    for (int64_t place = 0; place < count; place++) {
        begins[opened] = first + place;
        opened += opens[place];
        ends[closed] = first + place + 1;
        closed += closes[place];
    }
    *begun = opened;
    *ended = closed;
}

/* Every array has room for one token, or line end, more than there are. */
void tokenize(const uint32_t *restrict chars, int64_t count, int64_t *restrict begins, int64_t *restrict ends,
              uint8_t *restrict kinds, uint32_t *restrict hashes, uint32_t *restrict firsts,
              int64_t *restrict line_tokens)
{
    /* Hashes are differences of running sums, brought back to place zero by the inverse power. */
    uint32_t powers[TOKEN_BLOCK], inverses[TOKEN_BLOCK], sums[TOKEN_BLOCK + 1];
    uint8_t near[TOKEN_BLOCK + 2];
    int64_t begun = 0, ended = 0, lines = 0;
    powers[0] = inverses[0] = 1;
    for (int64_t place = 1; place < least(count, TOKEN_BLOCK); place++) {
        powers[place] = powers[place - 1] * BASE;
        inverses[place] = inverses[place - 1] * INVERSE_BASE;
    }
    sums[0] = 0;
    for (int64_t first = 0; first < count; first += TOKEN_BLOCK) {
        const int64_t size = least(TOKEN_BLOCK, count - first);
        int64_t token = ended;
        kinds_of(chars, count, first, first + size, near);
        find_tokens(near, first, size, begins, ends, &begun, &ended);
        for (int64_t place = 0; place < size; place++)
            sums[place + 1] = sums[place] + (chars[first + place] & CODE) * powers[place];
        for (; token < ended; token++) {
            const int64_t begin = begins[token], end = ends[token];
            const uint32_t entry = chars[begin];
            const uint32_t kind = near[end - first];
            /* A mark is another one if a token touches it. */
            const uint32_t before = near[end - first - 1] % KIND_LINE_END != 0;
            const uint32_t behind = near[end - first + 1] % KIND_LINE_END != 0;
            const uint32_t touches = (kind == KIND_MARK) * (before + 2 * behind);
            uint32_t hash;
            if (begin < first)
                hash = hash_of(chars + begin, end - begin);
            else
                hash = (sums[end - first] - sums[begin - first]) * inverses[begin - first];
            hashes[token] = mix(hash + touches * 0x3C6EF372u);
            kinds[token] = (uint8_t)kind;
            firsts[token] = entry;
            line_tokens[lines] = token;
            lines += kind == KIND_LINE_END;
        }
    }
}
