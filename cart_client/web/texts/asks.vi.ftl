# Màn hình xin gì: mỗi lúc chỉ một việc.
badge-is-read = Đã đọc thẻ. Nhập mã PIN.
