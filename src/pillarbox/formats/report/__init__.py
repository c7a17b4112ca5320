"""Reports about mail, as mail: receipts and delivery status notifications.

Sections: RFC 6522; RFC 3464; RFC 8098; RFC 9007.
"""
