DROP FUNCTION text_prose(text), text_visible(text), text_unseen(), text_marks();
