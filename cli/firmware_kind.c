/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Kinds of firmware files. Owns no state. */
#include "cli/firmware_kind.h"

#include <string.h>

#include "cli/hex.h"

#define SRECORD_HEAD    2 /* S and the type */
#define SRECORD_MIN     3 /* bytes behind the count: a two-byte address, the checksum */
#define HEX_DIGITS      "0123456789ABCDEFabcdef"
#define SRECORD_SUM_END 0xff

static const char ELF_MAGIC[] = {'\x7f', 'E', 'L', 'F'};
static const char SFI_MAGIC[] = {'S', 'F', 'I', 'M', 'A', 'G', 'I', 'C'};

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

enum firmware_kind firmware_kind_guess(struct bytes content)
{
    if (content.length >= sizeof ELF_MAGIC &&
        memcmp(content.data, ELF_MAGIC, sizeof ELF_MAGIC) == 0)
        return FIRMWARE_ELF;
    if (content.length >= sizeof SFI_MAGIC &&
        memcmp(content.data, SFI_MAGIC, sizeof SFI_MAGIC) == 0)
        return FIRMWARE_SFI;
    if (content.length >= SRECORD_HEAD && content.data[0] == 'S' && is_digit(content.data[1]))
        return FIRMWARE_SRECORDS;
    return content.length > 0 && content.data[0] == ':' ? FIRMWARE_HEX : FIRMWARE_OTHER;
}

static size_t first_line_length(struct bytes content)
{
    const uint8_t *end = memchr(content.data, '\n', content.length);
    size_t length = end != NULL ? (size_t)(end - content.data) : content.length;
    return length > 0 && content.data[length - 1] == '\r' ? length - 1 : length;
}

/* Two digits; -1 for others. */
static int read_byte(const uint8_t *digits)
{
    int value = 0;
    for (size_t i = 0; i < 2; i++) {
        const char *digit = digits[i] != '\0' ? strchr(HEX_DIGITS, digits[i]) : NULL;
        if (digit == NULL)
            return -1;
        int place = (int)(digit - HEX_DIGITS);
        value = value * 16 + (place < 16 ? place : place - 6);
    }
    return value;
}

/* The count, then as many bytes; all of them sum up to 0xff. */
static bool begins_with_srecord(struct bytes content)
{
    size_t length = first_line_length(content);
    unsigned sum = 0;
    if (length < SRECORD_HEAD + 2 * (1 + SRECORD_MIN) || length % 2 != 0)
        return false;
    size_t count = (length - SRECORD_HEAD) / 2;
    for (size_t i = 0; i < count; i++) {
        int byte = read_byte(content.data + SRECORD_HEAD + 2 * i);
        if (byte < 0 || (i == 0 && (size_t)byte + 1 != count))
            return false;
        sum += (unsigned)byte;
    }
    return (sum & 0xff) == SRECORD_SUM_END;
}

static bool is_hex(struct bytes content)
{
    struct hex_image image = {0};
    struct failure failure;
    bool is_read = hex_read("", content, 1, &image, &failure) == ERR_OK;
    hex_image_clear(&image);
    return is_read;
}

enum firmware_kind firmware_kind_prove(struct bytes content)
{
    enum firmware_kind kind = firmware_kind_guess(content);
    bool is_proven = kind == FIRMWARE_ELF || kind == FIRMWARE_SFI ||
                     (kind == FIRMWARE_SRECORDS && begins_with_srecord(content)) ||
                     (kind == FIRMWARE_HEX && is_hex(content));
    return is_proven ? kind : FIRMWARE_OTHER;
}

const char *firmware_kind_name(enum firmware_kind kind)
{
    switch (kind) {
    case FIRMWARE_ELF:
        return "an ELF file";
    case FIRMWARE_HEX:
        return "an Intel HEX file";
    case FIRMWARE_SRECORDS:
        return "a file of S-records";
    case FIRMWARE_SFI:
        return "an image that is encrypted already";
    default:
        return "a file of an unknown kind";
    }
}
