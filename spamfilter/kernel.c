/* The compiled kernel: characters, tokens and the line model. See kernel.h. */

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

/* ---- line_model.py, ngrams.py ---- */

static void unpack(uint64_t packed, int64_t *fields)
{
    for (int place = 0; place < 2; place++) {
        fields[place] = low_field(packed);
        packed = (uint64_t)((int64_t)(packed - (uint64_t)fields[place]) >> FIELD_BITS);
    }
    fields[2] = (int64_t)packed;
}

static uint64_t clipped(uint64_t packed)
{
    int64_t fields[3];
    unpack(packed, fields);
    packed = 0;
    for (int place = 2; place >= 0; place--)
        packed = (packed << FIELD_BITS) + (uint64_t)most(-TOKEN_LIMIT, least(fields[place], TOKEN_LIMIT));
    return packed;
}

/* The test of `clip_words`: a field within the limit stays within 14 bits when it is lifted by it, or by one more. */
static inline uint64_t beyond_limit(uint64_t packed)
{
    const uint64_t ones = 1 + ((uint64_t)1 << FIELD_BITS) + ((uint64_t)1 << (2 * FIELD_BITS));
    const uint64_t lifted = packed + ones * TOKEN_LIMIT;
    return (lifted | (lifted + ones)) & (FIELD_MASK + 1 - 2 * (TOKEN_LIMIT + 1)) * ones;
}

enum { LONGEST_WORD = 32, LONGEST_ORDER = 31, LINE_BLOCK = 128, SEGMENT_TOKENS = 64, UNKNOWN_WORDS = 4 };
#define EDGE_SALT 0x7F4A7C15u

/* A word that the vocabulary lacks, with the rows of its parts: itself and its character n-grams. */
typedef struct {
    int64_t token;
    int64_t count;
    uint32_t rows[1 + (LONGEST_WORD + 1) * LONGEST_ORDER];
} unknown_word;

/* Rows of the character n-grams of a word. Bit i of `orders` stands for n-grams of i characters. */
static void add_gram_rows(const uint32_t *chars, int64_t length, uint32_t orders, const uint32_t *powers, int32_t bits,
                          unknown_word *word)
{
    const int64_t size = least(length, LONGEST_WORD);
    uint32_t *rows = word->rows + word->count;
    /* Place 0 is the edge before the word, place size + 1 the one behind it. */
    for (int64_t place = 0; place <= size; place++) {
        const int64_t longest = least(size + 2 - place, LONGEST_ORDER);
        uint32_t hash = place ? chars[place - 1] & CODE : EDGE_SALT;
        for (int64_t order = 2; order <= longest && orders >> order; order++) {
            const int64_t at = place + order - 1;
            uint32_t lifted = (uint32_t)order * 0x1B873593u;
            if (at <= size) /* the edge before a word takes no place in the hash */
                hash += (chars[at - 1] & CODE) * powers[order - (place ? 1 : 2)];
            else
                lifted += 2 * EDGE_SALT;
            if (orders >> order & 1)
                *rows++ = mix(hash + lifted) >> (32 - bits);
        }
    }
    word->count = rows - word->rows;
}

/* Adds the packed weights of a word by its parts, limited, to what its token has. */
static void add_parts(const unknown_word *word, const uint64_t *table, uint64_t *words)
{
    uint64_t low = 0, high = 0;
    for (int64_t number = 0; number < word->count; number++) {
        low += table[2 * (uint64_t)word->rows[number]];
        high += table[2 * (uint64_t)word->rows[number] + 1];
    }
    if (beyond_limit(low) | beyond_limit(high)) {
        low = clipped(low);
        high = clipped(high);
    }
    words[2 * word->token] += low;
    words[2 * word->token + 1] += high;
}

/* Packed weights of all tokens, pairs and triples: two words a token. */
void line_words(const line_model *model, const uint32_t *chars, const int64_t *begins, const int64_t *ends,
                const uint8_t *kinds, const uint32_t *hashes, int64_t count, uint64_t *words)
{
    const uint32_t orders = (uint32_t)model->orders;
    const int32_t part_bits = (int32_t)model->part_bits, pair_bits = (int32_t)model->pair_bits;
    const int32_t slot_bits = (int32_t)model->slot_bits;
    const uint64_t *const part_table = model->part_table, *const pair_table = model->pair_table;
    const uint32_t *const vocabulary = model->vocabulary;
    const uint64_t *const vocabulary_words = model->vocabulary_words;
    uint32_t powers[LONGEST_ORDER], pairs[LINE_BLOCK];
    unknown_word unknown[UNKNOWN_WORDS];
    int64_t unknown_count = 0;
    powers[0] = 1;
    for (int place = 1; place < LONGEST_ORDER; place++)
        powers[place] = powers[place - 1] * BASE;
    for (int64_t first = 0; first < count; first += LINE_BLOCK) {
        const int64_t size = least(LINE_BLOCK, count - first);
        /* Rows first: the reads of a block wait for memory together. */
        for (int64_t place = 0; place < size; place++) {
            const int64_t token = first + place;
            const uint64_t slot = hashes[token] >> (32 - slot_bits);
            const uint32_t next = token + 1 < count ? hashes[token + 1] : 0;
            pairs[place] = row_of_pair(hashes[token], next, pair_bits);
            FETCH(vocabulary + slot);
            FETCH(vocabulary_words + 2 * slot);
            FETCH(pair_table + 2 * (uint64_t)pairs[place]);
        }
        for (int64_t place = 0; place < size; place++) {
            const int64_t token = first + place;
            const uint32_t hash = hashes[token];
            const uint64_t slot = hash >> (32 - slot_bits);
            uint64_t low = 0, high = 0;
            if (vocabulary[slot] == hash) {
                low = vocabulary_words[2 * slot];
                high = vocabulary_words[2 * slot + 1];
            } else {
                /* Likewise: the parts of some words are added up later. */
                unknown_word *const word = unknown + unknown_count % UNKNOWN_WORDS;
                if (unknown_count++ >= UNKNOWN_WORDS)
                    add_parts(word, part_table, words);
                word->token = token;
                word->rows[0] = mix(hash + 1) >> (32 - part_bits);
                word->count = 1;
                if (kinds[token] == KIND_WORD)
                    add_gram_rows(chars + begins[token], ends[token] - begins[token], orders, powers, part_bits, word);
                for (int64_t number = 0; number < word->count; number++)
                    FETCH(part_table + 2 * (uint64_t)word->rows[number]);
            }
            if (token + 1 < count) {
                low += pair_table[2 * (uint64_t)pairs[place]];
                high += pair_table[2 * (uint64_t)pairs[place] + 1];
                if (kinds[token] == KIND_SOLO && token > 0) {
                    const uint32_t left = mix(hashes[token - 1] * 0x85EBCA77u + hash);
                    const uint64_t row = mix(left * 0xC2B2AE3Du + hashes[token + 1]) >> (32 - pair_bits);
                    low += pair_table[2 * row];
                    high += pair_table[2 * row + 1];
                }
            }
            words[2 * token] = low;
            words[2 * token + 1] = high;
        }
    }
    for (int64_t number = 0; number < least(unknown_count, UNKNOWN_WORDS); number++)
        add_parts(unknown + number, part_table, words);
}

static void line_logits(const int64_t *sums, double scale, const double *bias, double *logits)
{
    const double norm = sqrt((double)most(sums[5], 1)) * scale;
    for (int label = 0; label < 5; label++)
        logits[label] = (double)sums[label] / norm + bias[label];
}

/* Logits of each line, and the largest first one of a segment of it. */
void line_scores(const line_model *model, const uint64_t *words, const int64_t *line_tokens, int64_t lines,
                 double *logits, double *strongest, int64_t *sums)
{
    const double scale = model->scale, *const bias = model->bias;
    for (int64_t line = 0; line < lines; line++, logits += 5, sums += 6) {
        const int64_t stop = line_tokens[line + 1];
        int64_t fields[6];
        double of_segment[5];
        memset(sums, 0, 6 * sizeof *sums);
        for (int64_t first = line_tokens[line]; first < stop; first += SEGMENT_TOKENS) {
            const int64_t end = least(first + SEGMENT_TOKENS, stop);
            uint64_t low = 0, high = 0;
            for (int64_t token = first; token < end; token++) {
                low += words[2 * token];
                high += words[2 * token + 1];
            }
            unpack(low, fields);
            unpack(high, fields + 3);
            for (int place = 0; place < 6; place++)
                sums[place] += fields[place];
            line_logits(fields, scale, bias, of_segment);
            if (first == line_tokens[line] || of_segment[0] > strongest[line])
                strongest[line] = of_segment[0];
        }
        line_logits(sums, scale, bias, logits);
    }
}
