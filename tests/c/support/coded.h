/* Bodies to encode and decode, and encoders and decoders run to their end. */
#ifndef TESTS_CODED_H
#define TESTS_CODED_H

#include "proto/decoder.h"
#include "proto/encoder.h"

/* Those that change something; identity is none of them. */
extern const tg_coding coded_all[4];

/* `size` bytes that compress as JSON does. */
tg_buffer coded_text(size_t size);

/* `size` bytes that do not compress. */
tg_buffer coded_noise(size_t size);

/* Runs the encoder until the input is used up. Checks that no step takes or gives more than it may. */
void coded_feed(tg_encoder *encoder, tg_text input, tg_encoder_mode mode, tg_buffer *out);

/* The whole body, encoded. */
tg_buffer coded_encode(tg_coding coding, int level, tg_text body);

/* Decodes input that ends at `cut` and then goes on; a cut of the whole size gives all at once. Input lies at a guard
   page. DONE or FAIL; *error says why. Checks what every step must keep to. */
tg_coding_step coded_decode_cut(tg_coding coding, const tg_decoder_limits *limits, tg_text input, size_t cut,
                                tg_buffer *out, tg_coding_error *error);

#endif
