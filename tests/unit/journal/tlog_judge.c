/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A pipe to the judge; its answer comes back through a file. */
#include "tlog_judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include <check.h>

#include "core/bytes.h"

void tlog_judge_begin(struct tlog_judge *judge, const struct temp_dir *dir)
{
    char command[512];
    const char *bin = getenv("PROVISIOND_BIN");
    ck_assert_msg(bin != NULL, "PROVISIOND_BIN must name the build folder");
    judge->count = 0;
    temp_dir_path(dir, "said", judge->said);
    (void)snprintf(command, sizeof command, "%s/tests/judge/tlog-judge >%s 2>%s.errors", bin,
                   judge->said, judge->said);
    judge->claims = popen(command, "we");
    ck_assert_ptr_nonnull(judge->claims);
}

static void write_hash(struct tlog_judge *judge, const char *name, const struct sha256 *hash)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(hash->bytes, SHA256_SIZE), hex);
    (void)fprintf(judge->claims, ",\"%s\":\"%s\"", name, hex);
}

static void write_proof(struct tlog_judge *judge, const struct tree_proof *proof)
{
    char hex[SHA256_HEX_SIZE];
    (void)fprintf(judge->claims, ",\"proof\":[");
    for (size_t i = 0; i < proof->count; i++) {
        hex_encode(bytes_of(proof->hashes[i].bytes, SHA256_SIZE), hex);
        (void)fprintf(judge->claims, "%s\"%s\"", i > 0 ? "," : "", hex);
    }
    (void)fprintf(judge->claims, "]}\n");
    judge->count++;
}

void tlog_judge_record(struct tlog_judge *judge, const struct tree_proof *proof,
                       const struct sha256 *leaf, int64_t index, int64_t size,
                       const struct sha256 *root)
{
    (void)fprintf(judge->claims, "{\"op\":\"record\",\"index\":%" PRId64 ",\"size\":%" PRId64,
                  index, size);
    write_hash(judge, "leaf", leaf);
    write_hash(judge, "root", root);
    write_proof(judge, proof);
}

void tlog_judge_tree(struct tlog_judge *judge, const struct tree_proof *proof, int64_t old_size,
                     const struct sha256 *old_root, int64_t size, const struct sha256 *root)
{
    (void)fprintf(judge->claims, "{\"op\":\"tree\",\"old_size\":%" PRId64 ",\"size\":%" PRId64,
                  old_size, size);
    write_hash(judge, "old_root", old_root);
    write_hash(judge, "root", root);
    write_proof(judge, proof);
}

void tlog_judge_claim(struct tlog_judge *judge, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(judge->claims, format, arguments);
    va_end(arguments);
    (void)fputc('\n', judge->claims);
    judge->count++;
}

bool tlog_judge_end(struct tlog_judge *judge, unsigned *ret_held)
{
    int status = pclose(judge->claims);
    FILE *said = fopen(judge->said, "re");
    ck_assert_ptr_nonnull(said);
    ck_assert_int_eq(fscanf(said, "%u", ret_held), 1);
    (void)fclose(said);
    return status == 0 && *ret_held == judge->count;
}
