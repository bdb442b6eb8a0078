package event

import (
	"context"
	"strconv"

	perch "github.com/perchhq/perch"
)

// createdAt is how the time of an event is written: ISO 8601 in UTC with milliseconds.
const createdAt = "2006-01-02T15:04:05.000Z"

// AppendFeed appends a page of the log as JSON. Bodies are what webhooks send, byte for byte.
func (l *Log) AppendFeed(ctx context.Context, application perch.ID, q Query, dst []byte) ([]byte, error) {
	page, err := l.Feed(ctx, application, q)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `{"events":[`...)
	for i := range page.Events {
		e := &page.Events[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":"`...)
		dst, _ = e.ID.AppendText(dst)
		dst = append(dst, `","created_at":"`...)
		dst = e.PublishedAt.UTC().AppendFormat(dst, createdAt)
		dst = append(dst, `","body":`...)
		dst = append(append(dst, e.Body...), '}')
	}
	dst = append(dst, `],"next_cursor":"`...)
	dst = append(dst, page.Next...) // base64url
	dst = append(dst, `","has_more":`...)
	return append(strconv.AppendBool(dst, page.More), '}'), nil
}
