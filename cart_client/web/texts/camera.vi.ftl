# Camera: điều gì đang sai, và người cầm mã nên làm gì. Ngắn, đọc được trong một cái liếc.
camera-read = Đã đọc mã.
camera-fault-no-picture = Mất camera
camera-fault-frozen = Hình bị đứng
camera-told-frozen = Camera cứ gửi mãi một hình cũ. Rút dây camera rồi cắm lại. Mã trong hình cũ không được tính là lần quét mới; có thể nhập tay.
camera-fault-black = Hình tối đen
camera-told-black = Ống kính có bị che không? Bỏ vật che hoặc bật đèn.
camera-fault-wrong-size = Sai cỡ hình
camera-told-wrong-size = Hình không đúng cỡ đã cài đặt. Vẫn quét được khi đưa mã gần hơn; hãy báo người quản lý xe.
camera-fault-slow = Camera chậm
camera-told-slow = Quá ít hình mỗi giây. Giữ mã yên lâu hơn; hãy báo người quản lý xe nếu còn chậm.
advice-show-one = Chỉ đưa một mã
advice-more-light = Cần thêm ánh sáng
advice-tilt = Nghiêng nhãn cho khỏi chói
advice-move = Đưa mã vào giữa hình
advice-closer = Đưa lại gần hơn
advice-hold-still = Giữ yên tay
advice-turn = Xoay mã thẳng về camera
