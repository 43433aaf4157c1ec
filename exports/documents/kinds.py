"""The job that prints many: its name and its two ways. Without the layout engine, so that a page can name them."""

KIND = "documents.print"
ONE_FILE, ZIP = "file", "zip"
WAYS = {ONE_FILE: "合并为一个 PDF 文件，便于直接打印", ZIP: "每人一个 PDF 文件，按班级打包下载"}
