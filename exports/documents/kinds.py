"""The job that prints many: its name and its two ways. Without the layout engine, so that a page can name them."""

KIND = "documents.print"
ONE_FILE, ZIP = "file", "zip"
WAYS = {ONE_FILE: "合并为一个 PDF 文件，便于直接打印", ZIP: "每人一个 PDF 文件，按班级打包下载"}
# A PDF is put together in memory, about 90 KB a form: 2,000 forms take a worker from 120 to 290 MB (docs/performance.md). Separate
# files are written one by one and take no more for ten thousand.
ONE_FILE_MOST = 2000


def too_many(how: str, count: int) -> str:
    """Why `count` forms cannot be printed in this way, and what to do; "" when they can."""
    if how != ONE_FILE or count <= ONE_FILE_MOST:
        return ""
    return f"一个 PDF 文件最多合并 {ONE_FILE_MOST} 份，这里有 {count} 份。请改选“{WAYS[ZIP]}”，或按院系、班级分批打印。"
