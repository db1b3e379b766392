;; The source of grow.wasm: a memory that is not exported, and one function that takes 1 MiB more of it.
(module
  (memory 0)
  (func (export "take") (result i32) ;; pages held now, or -1 when there is no more to be had
    (local $page i32)
    (local.tee $page (memory.grow (i32.const 16)))
    (if (i32.eq (i32.const -1)) (then (return (i32.const -1))))
    (memory.fill (i32.shl (local.get $page) (i32.const 16)) (i32.const 1) (i32.const 1048576))
    (memory.size)))
