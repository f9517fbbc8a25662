(* Answers questions with the definitions that the theorems are about (exactscan_spec.ml, extracted from Coq).

   A question is a line: an operation, then integers separated by single spaces; the answer is a line of integers.
   [a b].. stands for the transitions in time order, x.. for the entries of a vector, of a matrix row after row.

     run h0 T [a b]..              the final state
     summary T [a b]..             a b
     scan h0 T [a b]..             all states
     kogge_stone h0 T [a b]..      all states; blelloch the same
     tree S shape T [a b]..        a b of a bracketing; shape: S digits in preorder, 1 a node, 0 a leaf
     chunked h0 C len.. T [a b]..  all states; C chunk lengths
     lookback h0 C [k len].. T [a b]..   all states; a tile looks back over k aggregates
     ssm N T A.. B.. h0.. x..      all states, time after time
     s4 I N O T in.. out.. A.. B.. C.. D.. h0.. x..   the final state, then the outputs
     adjoint T A B h0 x.. dy..     dA dB dx.. dh0, one channel
     varying T h0 [a b x].. dy..   dA.. dB.. dx.. dh0, one channel
     ssd N Q T s.. [a x B.. C..].. outputs in chunks of length Q *)
open Exactscan_spec

let words = ref []
let word () =
  match !words with
  | w :: rest -> words := rest; w
  | [] -> failwith "a question is too short"
let z () = Big_int_Z.big_int_of_string (word ())
let n () = int_of_string (word ())
let rec times k f = if k = 0 then [] else let x = f () in x :: times (k - 1) f
let transition () = let ta = z () in let tb = z () in { ta; tb }
let transitions () = let t = n () in times t transition

let vector size = let a = Array.of_list (times size z) in fun i -> a.(i)
let matrix rows columns = let m = vector (rows * columns) in fun i j -> m ((i * columns) + j)
let entries size v = List.init size v

let rec levels t = if t <= 1 then 0 else 1 + levels ((t + 1) / 2)

(* The items in order, cut into pieces of the given lengths. *)
let rec split lengths items =
  match lengths with
  | [] -> []
  | k :: rest -> List.filteri (fun i _ -> i < k) items :: split rest (List.filteri (fun i _ -> i >= k) items)

(* A bracketing from its preorder digits; takes the leaves from [items]. *)
let rec bracketing digits items =
  match digits with
  | 0 :: rest -> (Leaf (List.hd items), rest, List.tl items)
  | 1 :: rest ->
      let l, rest, items = bracketing rest items in
      let r, rest, items = bracketing rest items in
      (Node (l, r), rest, items)
  | _ -> failwith "a bracketing is cut short"

let varying () =
  let t = n () in
  let h0 = z () in
  let rows = times t (fun () -> let a = z () in let b = z () in let x = z () in (a, b, x)) in
  let dy = times t z in
  let zero = Big_int_Z.zero_big_int and one = Big_int_Z.unit_big_int in
  let steps = List.map (fun (a, b, x) -> { sa = a; sb = Big_int_Z.mult_big_int b x; sda = zero; sdb = zero }) rows in
  let lambda = z_backward steps dy in
  let gradient partials =
    let with_partials (a, b, x) =
      ({ ta = a; tb = Big_int_Z.mult_big_int b x }, partials (b, x)) in
    z_parameter_gradient h0 (List.map with_partials rows) lambda in
  gradient (fun _ -> (one, zero)) @ gradient (fun (_, x) -> (zero, x)) @ gradient (fun (b, _) -> (zero, b))
  @ [ z_carried steps lambda ]

let ssm_of size = let sA = vector size in let sB = vector size in let sC = vector size in let sD = vector size in
  { sA; sB; sC; sD }

let answer () =
  match word () with
  | "run" -> let h0 = z () in [ z_run h0 (transitions ()) ]
  | "summary" -> let s = z_summary (transitions ()) in [ s.ta; s.tb ]
  | "scan" -> let h0 = z () in z_scan h0 (transitions ())
  | "kogge_stone" -> let h0 = z () in let l = transitions () in z_kogge_stone (levels (List.length l)) h0 l
  | "blelloch" -> let h0 = z () in let l = transitions () in z_blelloch (levels (List.length l)) h0 l
  | "tree" ->
      let s = n () in
      let digits = times s n in
      let tree, _, _ = bracketing digits (transitions ()) in
      let r = z_tree tree in [ r.ta; r.tb ]
  | "chunked" ->
      let h0 = z () in
      let c = n () in
      let lengths = times c n in
      z_chunked h0 (split lengths (transitions ()))
  | "lookback" ->
      let h0 = z () in
      let c = n () in
      let tiles = times c (fun () -> let k = n () in let length = n () in (k, length)) in
      let pieces = split (List.map snd tiles) (transitions ()) in
      z_lookback h0 (List.map2 (fun (k, _) piece -> (k, piece)) tiles pieces)
  | "ssm" ->
      let size = n () in
      let t = n () in
      let sA = vector size in
      let sB = vector size in
      let none _ = Big_int_Z.zero_big_int in
      let h0 = vector size in
      let xs = times t (fun () -> vector size) in
      List.concat_map (entries size) (z_ssm_scan { sA; sB; sC = none; sD = none } h0 xs)
  | "s4" ->
      let s4I = n () in
      let s4N = n () in
      let outs = n () in
      let t = n () in
      let s4In = matrix s4I s4N in
      let s4Out = matrix s4N outs in
      let s4Ssm = ssm_of s4N in
      let h0 = vector s4N in
      let xs = times t (fun () -> vector s4I) in
      let state, outputs = z_s4_run { s4I; s4N; s4In; s4Out; s4Ssm } h0 xs in
      entries s4N state @ List.concat_map (entries outs) outputs
  | "adjoint" ->
      let t = n () in
      let a = z () in
      let b = z () in
      let h0 = z () in
      let xs = times t z in
      let r = z_ssm_backward a b h0 xs (times t z) in
      (r.gA :: r.gB :: r.gX) @ [ r.gH0 ]
  | "varying" -> varying ()
  | "ssd" ->
      let size = n () in
      let q = n () in
      let t = n () in
      let s = vector size in
      let token () = let ka = z () in let kx = z () in let kB = vector size in let kC = vector size in { ka; kx; kB; kC } in
      z_ssd size q s (times t token)
  | op -> failwith ("unknown operation " ^ op)

let () =
  try
    while true do
      words := String.split_on_char ' ' (input_line stdin);
      let result = answer () in
      if !words <> [] then failwith "a question is too long";
      print_endline (String.concat " " (List.map Big_int_Z.string_of_big_int result))
    done
  with End_of_file -> ()
