"""WeChat Pay v3's remote side (微信支付): takes orders and money, and notifies until it is answered."""
