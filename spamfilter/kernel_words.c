/* The compiled kernel: the line model, from tokens to the logits of lines. See kernel.h. */

#include "kernel.h"

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
