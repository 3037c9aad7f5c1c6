"""One self-contained HTML page: page puts it together; page.html, page.css and page.js are its fixed parts."""
