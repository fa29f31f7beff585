/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * flip_cms KEY CERT LICENSE IMAGE: opens a cms license by libcrypto's CMS_decrypt, as `openssl cms
 * -decrypt` does, with each of its bits changed once. Prints as open_license.py --flip does: "same"
 * and the bytes in which a changed bit still gave the firmware, "other" and those in which it gave
 * another one. Nothing of ours is linked.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define FILE_MAX 65536

enum outcome { CLOSED, SAME, OTHER };

struct content {
    uint8_t bytes[FILE_MAX];
    size_t length;
};

static EVP_PKEY *key;
static X509 *certificate;
static struct content license;
static struct content image;
static struct content firmware;

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file != NULL)
        return file;
    perror(path);
    exit(2);
}

static void read_file(const char *path, struct content *ret_content)
{
    FILE *file = open_file(path);
    ret_content->length = fread(ret_content->bytes, 1, FILE_MAX, file);
    (void)fclose(file);
}

static bool decrypt(struct content *ret_clear)
{
    const unsigned char *p = license.bytes;
    BIO *cipher = BIO_new_mem_buf(image.bytes, (int)image.length);
    BIO *clear = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)license.length);
    const bool is_open =
        cms != NULL && CMS_decrypt(cms, key, certificate, cipher, clear, CMS_BINARY) == 1;
    const int length = is_open ? BIO_read(clear, ret_clear->bytes, FILE_MAX) : 0;
    ret_clear->length = length > 0 ? (size_t)length : 0;
    CMS_ContentInfo_free(cms);
    BIO_free(clear);
    BIO_free(cipher);
    ERR_clear_error();
    return is_open;
}

static enum outcome open_with(size_t bit)
{
    static struct content clear;
    const uint8_t mask = (uint8_t)(1U << (bit % 8));
    license.bytes[bit / 8] ^= mask;
    const bool is_open = decrypt(&clear);
    license.bytes[bit / 8] ^= mask;
    if (!is_open)
        return CLOSED;
    return clear.length == firmware.length &&
                   memcmp(clear.bytes, firmware.bytes, firmware.length) == 0
               ? SAME
               : OTHER;
}

/* The bytes of which a bit came to that. */
static void print_bytes(const char *word, const enum outcome *outcomes, enum outcome wanted)
{
    (void)fputs(word, stdout);
    for (size_t byte = 0; byte < license.length; byte++) {
        bool is_there = false;
        for (size_t bit = 8 * byte; bit < 8 * byte + 8; bit++)
            is_there = is_there || outcomes[bit] == wanted;
        if (is_there)
            (void)printf(" %zu", byte);
    }
    (void)putchar('\n');
}

int main(int argc, char **argv)
{
    static enum outcome outcomes[8 * FILE_MAX];
    if (argc < 5)
        return 64;
    FILE *file = open_file(argv[1]);
    key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    (void)fclose(file);
    file = open_file(argv[2]);
    certificate = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    read_file(argv[3], &license);
    read_file(argv[4], &image);
    if (key == NULL || certificate == NULL || !decrypt(&firmware))
        return 1;
    for (size_t bit = 0; bit < 8 * license.length; bit++)
        outcomes[bit] = open_with(bit);
    print_bytes("same", outcomes, SAME);
    print_bytes("other", outcomes, OTHER);
    EVP_PKEY_free(key);
    X509_free(certificate);
    return 0;
}
