/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rig-programmer -c port=SOCKET -gc CERTIFICATE
 * rig-programmer -c port=SOCKET -sfi protocol=static IMAGE hsm=0 LICENSE
 *
 * A stand-in for a chip programmer's command line tool, in front of the reference chip: it takes
 * the words of ST's tool that docs/examples/line-stm32.sh uses, and no others. Exit code: 0 done, 1
 * the chip or a file said no, 64 other words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig/chip/link.h"
#include "rig/station/image.h"

#define FILE_MAX_BYTES   ((size_t)64 * 1024 * 1024)
#define ASK_TIMEOUT_MS   10000
#define EXIT_USAGE       64
#define PORT_WORD        "port="
#define PORT_WORD_LENGTH (sizeof PORT_WORD - 1)

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "rig-programmer: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

/* All of a file; the caller frees bytes.data. */
static bool read_file(const char *path, struct bytes *ret_bytes)
{
    FILE *file = fopen(path, "re");
    uint8_t *data = file != NULL ? malloc(FILE_MAX_BYTES) : NULL;
    size_t length = data != NULL ? fread(data, 1, FILE_MAX_BYTES, file) : 0;
    bool is_read = data != NULL && ferror(file) == 0;
    if (file != NULL)
        (void)fclose(file);
    if (!is_read) {
        free(data);
        return false;
    }
    *ret_bytes = bytes_of(data, length);
    return true;
}

/* One command to the chip; says what went wrong. */
static bool ask(int chip, enum chip_command command, struct bytes payload,
                struct chip_frame *ret_reply)
{
    enum error e =
        chip_link_request(chip, command, payload, deadline_in(ASK_TIMEOUT_MS), ret_reply);
    if (e != ERR_OK) {
        (void)fail("the chip does not answer", error_name(e));
        return false;
    }
    if (ret_reply->code == CHIP_ACK)
        return true;
    (void)fail("the chip says no", chip_error_name(ret_reply->payload[0]));
    return false;
}

/* ---- the certificate ---- */

static int get_certificate(int chip, const char *path)
{
    struct chip_frame reply;
    if (!ask(chip, CHIP_CERTIFICATE, bytes_of(NULL, 0), &reply))
        return EXIT_FAILURE;
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return fail(path, "cannot be written");
    bool is_written = fwrite(reply.payload, 1, reply.length, file) == reply.length;
    return fclose(file) == 0 && is_written ? EXIT_SUCCESS : fail(path, "cannot be written");
}

/* ---- the install ---- */

static bool send_area(int chip, const struct station_area *area)
{
    struct chip_frame reply;
    struct bytes rest = area->content;
    bool is_good = ask(chip, CHIP_AREA, area->header, &reply);
    while (is_good && rest.length > 0) {
        size_t n = rest.length < CHIP_PAYLOAD_MAX_BYTES ? rest.length : CHIP_PAYLOAD_MAX_BYTES;
        is_good = ask(chip, CHIP_DATA, bytes_of(rest.data, n), &reply);
        rest = bytes_of(rest.data + n, rest.length - n);
    }
    return is_good;
}

static int program(int chip, struct bytes content, struct bytes license)
{
    const struct station_image image = {.content = content};
    struct chip_frame reply;
    struct station_area area;
    size_t offset = 0;
    if (license.length != CHIP_LICENSE_BYTES || !station_image_is_whole(content))
        return fail("the license or the image", "is none");
    bool is_good = ask(chip, CHIP_LICENSE, license, &reply) &&
                   ask(chip, CHIP_HEADER, bytes_of(content.data, CHIP_HEADER_BYTES), &reply);
    while (is_good && station_image_next(&image, &offset, &area))
        is_good = send_area(chip, &area);
    if (is_good)
        (void)puts("SFI process success: the chip verified the firmware and closed itself");
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int install(int chip, const char *image_path, const char *license_path)
{
    struct bytes image = {0};
    struct bytes license = {0};
    int status = EXIT_FAILURE;
    if (!read_file(image_path, &image))
        (void)fail(image_path, "cannot be read");
    else if (!read_file(license_path, &license))
        (void)fail(license_path, "cannot be read");
    else
        status = program(chip, image, license);
    free((void *)(uintptr_t)image.data);
    free((void *)(uintptr_t)license.data);
    return status;
}

/* ---- the words ---- */

static bool is_word(const char *given, const char *word)
{
    return strcmp(given, word) == 0;
}

static int run(int chip, int argc, char **argv)
{
    if (argc == 5 && is_word(argv[3], "-gc"))
        return get_certificate(chip, argv[4]);
    if (argc == 8 && is_word(argv[3], "-sfi") && is_word(argv[4], "protocol=static") &&
        is_word(argv[6], "hsm=0"))
        return install(chip, argv[5], argv[7]);
    (void)fail("these words are not taken", "see the head of rig/programmer.c");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    int chip = -1;
    if (argc < 5 || !is_word(argv[1], "-c") || strncmp(argv[2], PORT_WORD, PORT_WORD_LENGTH) != 0) {
        (void)fail("these words are not taken", "-c port=SOCKET comes first");
        return EXIT_USAGE;
    }
    if (chip_link_connect(argv[2] + PORT_WORD_LENGTH, &chip) != ERR_OK)
        return fail(argv[2], "there is no chip");
    int status = run(chip, argc, argv);
    (void)close(chip);
    return status;
}
