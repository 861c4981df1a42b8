/* The optional compiled kernel: what numpy does in spamfilter's hot path, with results identical to the bit.
 *
 * Plain C99 over pointers and sizes, called by kernel.py through ctypes. The numpy functions that call it are the
 * reference: they say what is computed and why. Here stands how, one token or line after the other, so that what
 * numpy writes to memory between two steps stays in registers.
 *
 * Hashes and packed sums wrap around, hence unsigned arithmetic. Floats: single IEEE operations in numpy's order;
 * logarithms and exponentials stay in numpy. Signed numbers are only shifted to the right, which all compilers that
 * the build takes do with the sign.
 */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "floats must be computed in their own precision: without the kernel numpy does the work"
#endif

#define KERNEL_VERSION 1 /* with VERSION in kernel.py: raise both when a function or its arguments change */

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)0)
#endif

enum { KIND_WORD = 1, KIND_SOLO = 2, KIND_MARK = 4, KIND_LINE_END = 8 };
enum { FIELD_BITS = 21, TOKEN_LIMIT = 8191, SPAM_LIMIT = 4096 };

#define BASE 0x9E3779B1u
#define INVERSE_BASE 0x0E8B2F51u /* BASE times this is 1 */
#define CODE 0xFFFFu
#define UPPER (1u << 19)
#define DIGIT (1u << 20)
#define MARK (1u << 18)
#define SOLO (1u << 17)
#define DROPPED (1u << 21)
#define STOP (1u << 22)
#define SCRIPT_SHIFT 24
#define NEWLINE 10u
#define FIELD_HALF ((uint64_t)1 << (FIELD_BITS - 1))
#define FIELD_MASK (((uint64_t)1 << FIELD_BITS) - 1)

int32_t kernel_version(void) { return KERNEL_VERSION; }

static inline uint32_t mix(uint32_t h)
{
    h ^= h >> 16;
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    return h;
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- encode: text.py ---- */

/* Most line ends that the code points may hold. */
int64_t count_line_ends(const uint32_t *codes, int64_t count)
{
    int64_t lines = 0;
    for (int64_t first = 0; first < count; first += 1 << 20) {
        const int64_t stop = least(first + (1 << 20), count);
        uint32_t found = 0;
        for (int64_t i = first; i < stop; i++)
            found += (codes[i] == 10) | (codes[i] == 13);
        lines += found;
    }
    return lines;
}

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

/* ---- packed fields: line_model.py, span_tokens.py ---- */

static inline int64_t low_field(uint64_t packed)
{
    return (int64_t)((packed & FIELD_MASK) ^ FIELD_HALF) - (int64_t)FIELD_HALF;
}

static inline int64_t middle_field(uint64_t packed) { return low_field((packed + FIELD_HALF) >> FIELD_BITS); }

static inline int64_t high_field(uint64_t packed)
{
    return (int64_t)(packed + FIELD_HALF + (FIELD_HALF << FIELD_BITS)) >> (2 * FIELD_BITS);
}

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

/* ---- line_model.py, ngrams.py ---- */

enum { LONGEST_WORD = 32, LONGEST_ORDER = 31, LINE_BLOCK = 128, SEGMENT_TOKENS = 64, UNKNOWN_WORDS = 4 };
#define EDGE_SALT 0x7F4A7C15u

static inline uint32_t row_of_pair(uint32_t left, uint32_t right, int32_t bits)
{
    return mix(left * BASE + right) >> (32 - bits);
}

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
void line_words(const uint32_t *chars, const int64_t *begins, const int64_t *ends, const uint8_t *kinds,
                const uint32_t *hashes, int64_t count, uint32_t orders, int32_t part_bits, int32_t pair_bits,
                int32_t slot_bits, const uint64_t *part_table, const uint64_t *pair_table, const uint32_t *vocabulary,
                const uint64_t *vocabulary_words, uint64_t *words)
{
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
void line_scores(const uint64_t *words, const int64_t *line_tokens, int64_t lines, double scale, const double *bias,
                 double *logits, double *strongest, int64_t *sums)
{
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

/* ---- span_tokens.py, span_model.py ---- */

enum { PIECE_TOKENS = 200, MARGIN = 4, SPAN_BITS = 18, FEATURES = 12, SPAN_BLOCK = 32, REACH = 4 };

/* counts: pieces, and tokens of all pieces. */
void count_pieces(const int64_t *line_tokens, const int64_t *lines, int64_t count, int64_t *counts)
{
    counts[0] = counts[1] = 0;
    for (int64_t number = 0; number < count; number++) {
        const int64_t low = line_tokens[lines[number]], high = line_tokens[lines[number] + 1];
        for (int64_t first = low + 1; first < high; first += PIECE_TOKENS) {
            const int64_t stop = least(first + PIECE_TOKENS, high);
            counts[0]++;
            counts[1] += least(stop + MARGIN, high + 1) - most(first - MARGIN, low);
        }
    }
}

static uint32_t ending_of(const uint32_t *chars, int64_t begin, int64_t end)
{
    uint32_t total = chars[end - 1] & CODE;
    for (int64_t back = 2; back <= 3; back++) {
        total *= 0x01000193u;
        if (end - back >= begin)
            total += chars[end - back] & CODE;
    }
    return mix(total);
}

static uint32_t shape_of(uint8_t kind, uint32_t first, uint32_t last, int64_t length)
{
    uint32_t shape;
    if (kind == KIND_MARK)
        shape = (1u << 16) + (first & CODE);
    else if (kind == KIND_LINE_END)
        shape = 1u << 17;
    else
        shape = ((uint32_t)kind << 8) + ((first >> SCRIPT_SHIFT) << 4) + (first / UPPER & 1) + (first / (DIGIT / 4) & 4) +
                (length > 1 ? last / (UPPER / 2) & 2 : 0);
    return mix(shape + 77);
}

void cut_pieces(const uint32_t *chars, const int64_t *line_tokens, const int64_t *lines, int64_t count,
                const int64_t *begins, const int64_t *ends, const uint8_t *kinds, const uint32_t *hashes,
                const uint32_t *firsts, int64_t *piece_lines, int64_t *starts, int64_t *numbers, int64_t *tokens,
                uint8_t *is_free, uint8_t *piece_kinds, uint32_t *piece_hashes, uint32_t *piece_firsts,
                int64_t *piece_begins, int64_t *piece_ends, uint32_t *endings, uint32_t *shapes)
{
    int64_t piece = 0, fill = 0;
    for (int64_t number = 0; number < count; number++) {
        const int64_t low = line_tokens[lines[number]], high = line_tokens[lines[number] + 1];
        for (int64_t first = low + 1; first < high; first += PIECE_TOKENS) {
            const int64_t stop = least(first + PIECE_TOKENS, high);
            const int64_t wide_stop = least(stop + MARGIN, high + 1);
            piece_lines[piece] = lines[number];
            starts[piece] = fill;
            for (int64_t token = most(first - MARGIN, low); token < wide_stop; token++, fill++) {
                const int64_t begin = begins[token], end = ends[token];
                numbers[fill] = piece;
                tokens[fill] = token;
                is_free[fill] = token >= first && token < stop;
                piece_kinds[fill] = kinds[token];
                piece_hashes[fill] = hashes[token];
                piece_firsts[fill] = firsts[token];
                piece_begins[fill] = begin;
                piece_ends[fill] = end;
                endings[fill] = ending_of(chars, begin, end);
                shapes[fill] = shape_of(kinds[token], firsts[token], chars[end - 1], end - begin);
            }
            piece++;
        }
    }
    starts[piece] = fill;
}

/* How strange each token is behind the one before it. */
void strangeness_before(const int64_t *starts, int64_t pieces, const uint32_t *hashes, const uint64_t *pair_table,
                        int32_t pair_bits, int64_t *strange)
{
    for (int64_t piece = 0; piece < pieces; piece++) {
        strange[starts[piece]] = 0;
        /* Rows first, so that the reads wait for memory together. */
        for (int64_t token = starts[piece] + 1; token < starts[piece + 1]; token++) {
            strange[token] = row_of_pair(hashes[token - 1], hashes[token], pair_bits);
            FETCH(pair_table + 2 * strange[token] + 1);
        }
        for (int64_t token = starts[piece] + 1; token < starts[piece + 1]; token++) {
            const uint64_t packed = pair_table[2 * strange[token] + 1] + (FIELD_HALF << FIELD_BITS);
            strange[token] = (int64_t)packed >> (2 * FIELD_BITS);
        }
    }
}

static inline uint32_t row_of_word(uint32_t hash) { return mix(hash + 11) >> (32 - SPAN_BITS); }

/* Rows of the features of the boundary before a token, BOUNDARY_FEATURES. Given are the places of the tokens at the
 * offsets -2 to 1. */
static inline void feature_rows(const uint32_t *hashes, const uint32_t *endings, const uint32_t *shapes,
                                const int64_t *at, uint32_t gap, uint32_t *rows)
{
    uint32_t word[4], ending[4], shape[4];
    for (int place = 0; place < 4; place++) {
        const uint32_t factor = 0x85EBCA6Bu * (2 * (uint32_t)place + 5);
        word[place] = hashes[at[place]] * factor;
        ending[place] = endings[at[place]] * factor;
        shape[place] = shapes[at[place]] * factor;
    }
    rows[0] = shape[1] + shape[2];
    rows[1] = shape[0] + shape[1] + shape[2] + shape[3];
    rows[2] = word[1] + word[2];
    rows[3] = word[0] + word[2];
    rows[4] = word[1] + word[3];
    rows[5] = word[1] + ending[2];
    rows[6] = ending[1] + word[2];
    rows[7] = ending[1] + ending[2];
    rows[8] = ending[0] + ending[2];
    rows[9] = ending[1] + ending[3];
    rows[10] = ending[0] + ending[1] + ending[2];
    rows[11] = ending[1] + ending[2] + ending[3];
    for (uint32_t feature = 0; feature < FEATURES; feature++)
        rows[feature] = mix(rows[feature] + gap * 0x27D4EB2Fu + 12 + feature) >> (32 - SPAN_BITS);
}

/* `rows_across`: (1 + FEATURES, count) rows of boundaries between any tokens, whose places at the offsets -2 to 1 are
 * given. */
void rows_across(const uint32_t *hashes, const uint32_t *endings, const uint32_t *shapes, const int64_t *before_last,
                 const int64_t *last, const int64_t *here, const int64_t *next, const uint8_t *gap, int64_t count,
                 uint32_t *result)
{
    uint32_t rows[FEATURES];
    for (int64_t number = 0; number < count; number++) {
        const int64_t at[4] = {before_last[number], last[number], here[number], next[number]};
        feature_rows(hashes, endings, shapes, at, gap[number], rows);
        result[number] = row_of_word(hashes[here[number]]);
        for (int feature = 0; feature < FEATURES; feature++)
            result[(1 + feature) * count + number] = rows[feature];
    }
}

/* Spam weight and strangeness by turns, of the tokens of a piece. */
static void piece_signals(const uint64_t *words, int64_t stride, const int64_t *tokens, const uint8_t *kinds,
                          const int64_t *strange, int64_t size, double *signals)
{
    for (int64_t place = 0; place < size; place++) {
        const int64_t spam = low_field(words[tokens[place] * stride]);
        /* The word of a line end holds the pair that opens the next line. */
        const int64_t limited = kinds[place] == KIND_LINE_END ? 0 : most(-SPAM_LIMIT, least(spam, SPAM_LIMIT));
        signals[2 * place] = (double)limited;
        signals[2 * place + 1] = (double)(strange[place] * 10);
    }
}

static inline int64_t floor_of(double value)
{
    const int64_t whole = (int64_t)value;
    return whole - ((double)whole > value);
}

/* Scores of each token as start, end and part of a phrase. taps: (17, 3). Whole numbers far below 2**53: exact.
 * Returns 0, or -1 if a piece is longer than pieces are. */
int32_t boundary_scores(const int64_t *starts, int64_t pieces, const int64_t *tokens, const uint8_t *kinds,
                     const uint32_t *hashes, const int64_t *begins, const int64_t *ends, const uint32_t *endings,
                     const uint32_t *shapes, const uint64_t *words, int64_t stride, const int64_t *strange,
                     const uint64_t *table, const double *taps, const int64_t *bias, int64_t *start, int64_t *end,
                     int64_t *inside)
{
    const int64_t room = PIECE_TOKENS + 2 * MARGIN;
    double signals[2 * (PIECE_TOKENS + 2 * MARGIN + 2 * REACH)];
    double padded[4 * REACH + 1][4] = {{0}}; /* rows of four suit the vectors of any machine */
    uint32_t rows[SPAN_BLOCK][FEATURES];
    uint32_t own_rows[SPAN_BLOCK];
    for (int tap = 0; tap <= 4 * REACH; tap++)
        memcpy(padded[tap], taps + 3 * tap, 3 * sizeof *taps);
    for (int64_t piece = 0; piece < pieces; piece++) {
        const int64_t opening = starts[piece], closing = starts[piece + 1] - 1;
        const int64_t size = closing + 1 - opening;
        if (size > room)
            return -1;
        /* Zeros around the piece. */
        memset(signals, 0, 2 * REACH * sizeof *signals);
        memset(signals + 2 * (REACH + size), 0, 2 * REACH * sizeof *signals);
        piece_signals(words, stride, tokens + opening, kinds + opening, strange + opening, size, signals + 2 * REACH);
        for (int64_t first = opening; first <= closing; first += SPAN_BLOCK) {
            const int64_t count = least(SPAN_BLOCK, closing + 1 - first);
            for (int64_t place = 0; place < count; place++) {
                const int64_t i = first + place;
                const int64_t at[4] = {most(i - 2, opening), most(i - 1, opening), i, least(i + 1, closing)};
                const uint32_t gap = i > 0 && begins[i] != ends[i - 1] && kinds[i] != KIND_LINE_END &&
                                     kinds[i - 1] != KIND_LINE_END;
                feature_rows(hashes, endings, shapes, at, gap, rows[place]);
                own_rows[place] = row_of_word(hashes[i]);
                for (int feature = 0; feature < FEATURES; feature++)
                    FETCH(table + rows[place][feature]);
                FETCH(table + own_rows[place]);
            }
            for (int64_t place = 0; place < count; place++) {
                const int64_t i = first + place;
                const double *window = signals + 2 * (i - opening);
                const uint64_t own = table[own_rows[place]];
                double products[4] = {0, 0, 0, 0};
                int64_t numeric[3];
                uint64_t boundary = 0;
                for (int feature = 0; feature < FEATURES; feature++)
                    boundary += table[rows[place][feature]];
                for (int tap = 0; tap < 4 * REACH; tap++)
                    for (int column = 0; column < 4; column++)
                        products[column] += window[tap] * padded[tap][column];
                for (int column = 0; column < 3; column++) {
                    products[column] += fabs(window[2 * REACH]) * padded[4 * REACH][column];
                    numeric[column] = floor_of(products[column]) >> 12;
                }
                start[i] = numeric[0] + bias[0] + low_field(boundary) + low_field(own);
                end[i] = middle_field(own) + bias[1];
                /* A phrase ends with a token if it ends at the boundary behind it. */
                if (i > 0)
                    end[i - 1] += numeric[1] + middle_field(boundary);
                inside[i] = numeric[2] + bias[2] + high_field(boundary) + high_field(own);
            }
        }
    }
    return 0;
}

/* ---- line_shapes.py ---- */

/* shapes: (7, count) digits, marks, solos, capitals, latins, words, stops; widths apart. */
void count_shapes(const uint32_t *chars, const int64_t *line_starts, const int64_t *line_ends, const int64_t *ends,
                  const uint32_t *firsts, const int64_t *lines, const int64_t *starts, const int64_t *stops,
                  int64_t count, int64_t *shapes, int64_t *widths)
{
    for (int64_t row = 0; row < count; row++) {
        const int64_t start = starts[row], stop = stops[row];
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
                                   (chars[ends[stop - 1] - 1] & STOP) != 0};
        for (int place = 0; place < 7; place++)
            shapes[place * count + row] = values[place];
        widths[row] = line_ends[lines[row]] - line_starts[lines[row]] + 3 * solos / 2;
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

/* seen: 2**13 zeros, and zeros again afterwards. body: a byte a line. The last token is a line end. */
void word_weights(const uint32_t *restrict hashes, const uint8_t *restrict kinds, int64_t count,
                  const int64_t *restrict line_tokens, int64_t lines, const int64_t *restrict document_tokens,
                  int64_t documents, const uint8_t *restrict body, const uint8_t *restrict idf, uint8_t *restrict seen,
                  int64_t *restrict running, uint8_t *restrict weights, uint8_t *restrict unrelated)
{
    int64_t first = 0, stop = 0;
    weights[0] = unrelated[0] = 0;
    for (int64_t document = 0; document < documents; document++, first = stop) {
        while (stop < lines && line_tokens[stop] < document_tokens[document + 1])
            stop++;
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

/* ---- suspicion.py ---- */

/* What each line holds at most in four tokens in a row: the sum of their spam weights, and the same times the share of
 * their idf that is unrelated. result: (2, count). Line ends count as 0. */
void strongest_tokens(const uint64_t *words, int64_t stride, const int64_t *line_tokens, const int64_t *lines,
                      int64_t count, const uint8_t *idf, const uint8_t *unrelated, double *result)
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
        result[row] = (double)largest;
        result[count + row] = (double)largest_share;
    }
}

/* ---- line_facts.py, neighbours.py, page_features.py, second_look.py ---- */

#define UNIT 4096.0

/* Half to even, as numpy's rint; it keeps the sign of a zero. Exact where the number is below 2**51. */
static inline double rounded(double value)
{
    const double size = fabs(value);
    return size < 0x1p51 ? copysign((size + 0x1.8p52) - 0x1.8p52, value) : value;
}

static inline double limited(double value, double limit)
{
    value = value > -limit ? value : -limit;
    return value < limit ? value : limit;
}

static inline double larger(double a, double b) { return a > b ? a : b; }

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
    sum_behind(addends, 1, rows, running);
}

enum { SECOND_NUMBERS = 24 };

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
        for (int place = 0; place < 3; place++)
            means_within(addends, running, 1, rows, row, (int64_t)1 << place, starts[row], stops[row],
                         values + 15 + place);
        for (int label = 0; label < 4; label++)
            values[18 + label] = others[2 + label] / lines / UNIT;
        values[22] = page_lines == 1;
        values[23] = values[22] * margin[row];
        for (int number = 0; number < SECOND_NUMBERS; number++)
            values[number] = rounded(values[number] * 256) / 256;
    }
    return 0;
}
