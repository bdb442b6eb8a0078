module github.com/perchhq/perch

go 1.26
