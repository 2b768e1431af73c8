/* Memory, strings and memory vectors. */
#include "lib/gurt/gurt_int.h"

void *d_malloc(size_t size)
{
	return malloc(size);
}

void *d_calloc(size_t nmemb, size_t size)
{
	return calloc(nmemb, size);
}

void *d_realloc(void *ptr, size_t size)
{
	return realloc(ptr, size);
}

void d_free(void *ptr)
{
	free(ptr);
}

void *d_aligned_alloc(size_t alignment, size_t size, bool zero)
{
	void *ptr;

	if (posix_memalign(&ptr, alignment, size) != 0)
		return NULL;
	if (zero)
		memset(ptr, 0, size);
	return ptr;
}

char *d_strndup(const char *s, size_t n)
{
	return strndup(s, n);
}

char *d_realpath(const char *path, char *resolved_path)
{
	return realpath(path, resolved_path);
}

int gurt_vasprintf(char **ret_str, const char *fmt, va_list ap)
{
	int len = vasprintf(ret_str, fmt, ap);

	if (len < 0)
		*ret_str = NULL;
	return len;
}

int d_asprintf(char **strp, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = gurt_vasprintf(strp, fmt, ap);
	va_end(ap);
	return len;
}

char *d_asprintf2(int *rc, const char *fmt, ...)
{
	va_list ap;
	char *str;

	va_start(ap, fmt);
	*rc = gurt_vasprintf(&str, fmt, ap);
	va_end(ap);
	return str;
}

int d_write_string_buffer(struct d_string_buffer_t *buf, const char *fmt, ...)
{
	va_list ap;
	char *piece;
	char *str;
	int len;

	if (buf == NULL)
		return -DER_INVAL;
	if (buf->status != 0)
		return buf->status;

	va_start(ap, fmt);
	len = gurt_vasprintf(&piece, fmt, ap);
	va_end(ap);
	if (len < 0) {
		buf->status = -DER_NOMEM;
		return buf->status;
	}

	if (buf->str_size + (size_t)len >= buf->buf_size) {
		size_t size = 2 * (buf->str_size + (size_t)len) + 64;

		str = realloc(buf->str, size);
		if (str == NULL) {
			free(piece);
			buf->status = -DER_NOMEM;
			return buf->status;
		}
		buf->str = str;
		buf->buf_size = size;
	}
	memcpy(buf->str + buf->str_size, piece, (size_t)len + 1);
	buf->str_size += (size_t)len;
	free(piece);
	return 0;
}

void d_free_string(struct d_string_buffer_t *buf)
{
	free(buf->str);
	memset(buf, 0, sizeof(*buf));
}

int d_sgl_init(d_sg_list_t *sgl, unsigned int nr)
{
	d_iov_t *iovs = NULL;

	if (nr != 0) {
		iovs = calloc(nr, sizeof(*iovs));
		if (iovs == NULL)
			return -DER_NOMEM;
	}
	sgl->sg_nr = nr;
	sgl->sg_nr_out = 0;
	sgl->sg_iovs = iovs;
	return 0;
}

void d_sgl_fini(d_sg_list_t *sgl, bool free_iovs)
{
	uint32_t i;

	if (sgl == NULL || sgl->sg_iovs == NULL)
		return;
	for (i = 0; free_iovs && i < sgl->sg_nr; i++)
		free(sgl->sg_iovs[i].iov_buf);
	free(sgl->sg_iovs);
	memset(sgl, 0, sizeof(*sgl));
}

size_t d_sgl_buf_size(d_sg_list_t *sgl)
{
	size_t size = 0;
	uint32_t i;

	if (sgl == NULL || sgl->sg_iovs == NULL)
		return 0;
	for (i = 0; i < sgl->sg_nr; i++)
		size += sgl->sg_iovs[i].iov_buf_len;
	return size;
}

void d_sgl_buf_copy(d_sg_list_t *dst_sgl, d_sg_list_t *src_sgl)
{
	uint32_t nr = MIN(dst_sgl->sg_nr, src_sgl->sg_nr);
	uint32_t i;

	for (i = 0; i < nr; i++) {
		d_iov_t *dst = &dst_sgl->sg_iovs[i];
		const d_iov_t *src = &src_sgl->sg_iovs[i];

		if (src->iov_len == 0)
			continue;
		D_ASSERT(dst->iov_buf_len >= src->iov_len);
		memcpy(dst->iov_buf, src->iov_buf, src->iov_len);
		dst->iov_len = src->iov_len;
	}
	dst_sgl->sg_nr_out = src_sgl->sg_nr_out;
}
